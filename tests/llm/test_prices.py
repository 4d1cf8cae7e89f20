from pushpals.llm.prices import Price, on_this_machine, price_of

LOOPBACK = "http://127.0.0.1:1234/v1"
ELSEWHERE = "https://models.example/v1"


def test_cached_tokens_cost_their_own_price():
    price = Price(tokens_in=2.0, tokens_cached=0.5, tokens_out=10.0)
    assert price.cost(tokens_in=1_000_000, tokens_cached=400_000, tokens_out=100_000) == 1.2 + 0.2 + 1.0


def test_a_model_on_this_machine_is_free():
    price = price_of("qwen3-coder", LOOPBACK)
    assert price is not None
    assert price.cost(tokens_in=10, tokens_cached=0, tokens_out=10) == 0


def test_an_unknown_model_elsewhere_costs_an_unknown_amount():
    assert price_of("qwen3-coder", ELSEWHERE) is None


def test_known_models_are_found_by_vendor_and_dated_names_and_behind_proxies():
    listed = price_of("gpt-5-mini", ELSEWHERE)
    assert listed is not None
    for name in ("GPT-5-mini", "openai/gpt-5-mini", "gpt-5-mini-2025-08-07", "gpt-5-mini-latest"):
        assert price_of(name, ELSEWHERE) == listed
    assert price_of("gpt-5-mini", LOOPBACK) == listed


def test_what_is_on_this_machine():
    assert all(map(on_this_machine, ("http://localhost:1/v1", "http://127.8.8.8/", "http://[::1]:80/")))
    assert not any(map(on_this_machine, ("http://localhost.example/", "http://10.0.0.1/", "not a url")))
