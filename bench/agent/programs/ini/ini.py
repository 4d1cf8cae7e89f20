"""Reads settings from text in sections: `[name]`, then lines like `key = value`."""

YES = ("yes", "on", "true", "1")


def read(text):
    """Return a dict for each section; what stands before the first is in the one named ''."""
    sections = {"": {}}
    name = ""
    for line in text.splitlines():
        line = strip(line)
        if line.startswith("[") and line.endswith("]"):
            name = line[1:-1].strip()
            sections.setdefault(name, {})
        elif "=" in line:
            key, _, value = line.partition("=")
            sections[name][key.strip().lower()] = value.strip()
    return sections


def strip(line):
    """Return a line without what follows a `#` or a `;`."""
    for mark in "#;":
        line = line.partition(mark)[0]
    return line.strip()


def flag(sections, name, key, default=False):
    """Return whether a setting is on."""
    value = sections.get(name, {}).get(key)
    return default if value is None else value.lower() in YES


def join(defaults, sections):
    """Return settings over defaults, section by section; both stay as they are."""
    joined = {name: dict(values) for name, values in defaults.items()}
    for name, values in sections.items():
        joined.setdefault(name, {}).update(values)
    return joined


def write(sections):
    """Return the text of settings; sections are kept apart by an empty line."""
    blocks = []
    for name, values in sections.items():
        lines = [f"[{name}]"] if name else []
        lines.extend(f"{key} = {value}" for key, value in values.items())
        if lines:
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"
