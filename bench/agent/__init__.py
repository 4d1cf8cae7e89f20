"""How many small bugs the agent mends, beside the most obvious way to ask the same model."""
