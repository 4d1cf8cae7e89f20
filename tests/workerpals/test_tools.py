"""The tools over a real sandbox: they answer, they never raise, and they keep to the scope."""

import pytest

from pushpals.llm import ToolCall
from pushpals.workerpals.tools import ANSWER_LIMIT, HITS, READ_LINES, Toolbox, specs_for
from tests.workerpals.conftest import BUGGY, Desk, Scripted


async def toolbox(desk: Desk, **more) -> Toolbox:
    bench, metered = desk.bench(Scripted("unused"), **more)
    await bench.workspace.remember()
    return Toolbox(bench, metered)


async def use(tools: Toolbox, name: str, **arguments) -> str:
    return await tools.use(ToolCall("1", name, arguments))


async def test_read_shows_lines_and_says_where_there_are_more(desk: Desk):
    tools = await toolbox(desk)
    (desk.folder / "long.txt").write_text("".join(f"line {n}\n" for n in range(1, 701)))
    (desk.folder / "empty.txt").write_text("")
    shown = await use(tools, "read", path="long.txt")
    assert shown.startswith(
        f"long.txt, lines 1 to {READ_LINES} of 700. Read from line {READ_LINES + 1} for more."
    )
    assert (await use(tools, "read", path="long.txt", start="699")).endswith("line 699\nline 700")
    assert await use(tools, "read", path="long.txt", start=900) == "long.txt has only 700 lines."
    assert await use(tools, "read", path="empty.txt") == "empty.txt is empty."
    assert "shop/prices.py, lines 1 to 11" in await use(tools, "read", path="/workspace/shop/prices.py")


async def test_list_and_search(desk: Desk):
    tools = await toolbox(desk)
    assert await use(tools, "list") == "shop/\ntests/"
    assert await use(tools, "search", pattern="def d.*percent") == (
        "./shop/prices.py:9:def discount(price, percent):"
    )
    assert await use(tools, "search", pattern="nowhere to be found") == "Nothing found."
    assert "nmatched" in await use(tools, "search", pattern="(")
    (desk.folder / "many.txt").write_text("same\n" * 500)
    assert f"… and {500 - HITS} more lines" in await use(tools, "search", pattern="same")


async def test_patterns_and_paths_are_no_commands(desk: Desk):
    tools = await toolbox(desk)
    await use(tools, "search", pattern="'; touch owned; '", path="$(touch owned)")
    assert desk.changed(BUGGY) == set()


async def test_edit_survives_small_mistakes_and_refuses_what_does_not_parse(desk: Desk):
    tools = await toolbox(desk)
    said = await use(
        tools,
        "edit",
        path="shop/prices.py",
        old='"""Return the price less so many percent."""\nreturn price + price * percent // 100',
        new='"""Return the price less so many percent."""\nreturn price - price * percent // 100',
    )
    assert said == "shop/prices.py is changed (the old text was found but for indentation)."
    assert "    return price - price * percent // 100\n" in desk.text("shop/prices.py")
    before = desk.text("shop/prices.py")
    assert "would not parse" in await use(
        tools, "edit", path="shop/prices.py", old="return sum(prices)", new="return ("
    )
    assert "not in the file" in await use(
        tools, "edit", path="shop/prices.py", old="nothing of the kind", new="x"
    )
    assert desk.text("shop/prices.py") == before


async def test_write_makes_files_inside_the_scope_only(desk: Desk):
    tools = await toolbox(desk, scope=("shop/**",), protected=("shop/secret*",))
    assert await use(tools, "write", path="shop/new.py", content="x = 1\n") == "shop/new.py is written."
    assert "may only change shop/**" in await use(tools, "write", path="README.md", content="x")
    assert "protected (shop/secret*)" in await use(tools, "write", path="shop/secret.py", content="x = 1")
    assert "protected" in await use(tools, "write", path=".git/config", content="x")
    assert desk.changed(BUGGY) == {"shop/new.py"}


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b", "", "shop"])
async def test_no_path_leads_out_of_the_workspace(desk: Desk, path):
    tools = await toolbox(desk)
    for name, more in (("read", {}), ("write", {"content": "x"}), ("edit", {"old": "a", "new": "b"})):
        said = await use(tools, name, path=path, **more)
        assert said
        assert "root:" not in said
    assert desk.changed(BUGGY) == set()


async def test_run_tells_output_and_exit_code(desk: Desk):
    tools = await toolbox(desk)
    assert await use(tools, "run", command="echo one; exit 3") == "one\n[exit code 3]"
    long = await use(tools, "run", command="seq 1 100000")
    assert len(long) < ANSWER_LIMIT + 200
    assert long.endswith("100000\n[exit code 0]")


async def test_a_command_finds_no_network_and_no_environment(desk: Desk):
    tools = await toolbox(desk)
    assert "[exit code 0]" not in await use(tools, "run", command="exec 3<>/dev/tcp/127.0.0.1/22")
    assert "KEY" not in await use(tools, "run", command="env")


async def test_what_a_command_changes_is_noticed_and_what_it_may_not_is_undone(desk: Desk):
    tools = await toolbox(desk, scope=("shop/**",))
    said = await use(
        tools, "run", command="sed -i s/+/-/ shop/prices.py; echo x >notes.txt; rm tests/test_prices.py"
    )
    assert "Changing notes.txt was refused" in said
    assert "Changing tests/test_prices.py was refused" in said
    assert desk.changed(BUGGY) == {"shop/prices.py"}
    workspace = tools._workspace
    assert set(workspace.changes()) == {"shop/prices.py"}
    await workspace.restore({})
    assert desk.changed(BUGGY) == set()


async def test_a_deleted_file_is_a_change_and_comes_back(desk: Desk):
    tools = await toolbox(desk)
    await use(tools, "run", command="rm shop/prices.py; echo 'x = 1' >shop/more.py")
    workspace = tools._workspace
    assert workspace.changes() == {"shop/prices.py": None, "shop/more.py": "x = 1\n"}
    kept = workspace.changes()
    await workspace.restore({})
    assert desk.changed(BUGGY) == set()
    await workspace.restore(kept)
    assert desk.changed(BUGGY) == {"shop/prices.py", "shop/more.py"}


async def test_wrong_calls_are_answered_and_not_raised(desk: Desk):
    tools = await toolbox(desk)
    assert (await use(tools, "fly")).startswith("There is no tool 'fly'.")
    assert await use(tools, "read") == "read needs `path`: path from the top of the repository."
    assert "must be text" in await use(tools, "run", command=["ls"])
    assert (await use(tools, "read", path="nowhere.py")).startswith("read failed: ")
    (desk.folder / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    assert "not text" in await use(tools, "read", path="picture.png")


async def test_a_role_takes_tools_away(desk: Desk):
    bench, metered = desk.bench(Scripted("unused"))
    specs = specs_for(desk.assignment(tools=("read", "search"), explorers=3), native=True)
    tools = Toolbox(bench, metered, specs)
    assert [spec.name for spec in specs] == ["read", "search", "done"]
    said = await use(tools, "write", path="shop/new.py", content="x = 1\n")
    assert said == "There is no tool 'write'. The tools are: read, search, done."
    assert desk.changed(BUGGY) == set()


async def test_what_is_written_is_inside_the_role_s_scope_too(desk: Desk):
    tools = await toolbox(desk, within=(("**",), ("docs/**",)))
    said = await use(tools, "write", path="shop/new.py", content="x = 1\n")
    assert said == "Changing shop/new.py was refused: only docs/** may be changed here."
    assert await use(tools, "write", path="docs/a.md", content="Words.\n") == "docs/a.md is written."


def test_who_may_look_may_send_helpers_who_look(desk: Desk):
    looking = desk.assignment(tools=("read", "search", "list"), explorers=3)
    assert [spec.name for spec in specs_for(looking, native=True)] == [
        "read",
        "search",
        "list",
        "explore",
        "done",
    ]
    assert "explore" not in [spec.name for spec in specs_for(looking, native=False)]
