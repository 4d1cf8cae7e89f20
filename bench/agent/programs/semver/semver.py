"""Semantic versions like 1.4.0 and 2.0.0-beta.2."""


def parse(text):
    """Return (major, minor, patch, parts before the release); a leading v is allowed."""
    core, _, before = text.removeprefix("v").partition("-")
    major, minor, patch = (int(part) for part in core.split("."))
    return major, minor, patch, tuple(before.split(".")) if before else ()


def order(text):
    """Return a key that sorts versions: what comes before a release is less than it."""
    major, minor, patch, before = parse(text)
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in before]
    return major, minor, patch, 0 if before else 1, parts


def newest(versions, stable=True):
    """Return the newest version, of the stable ones unless told otherwise; None if there is none."""
    fitting = [version for version in versions if not (stable and parse(version)[3])]
    return max(fitting, key=order, default=None)


def bump(text, part="patch"):
    """Return the next version: what is right of the part begins again."""
    major, minor, patch, _ = parse(text)
    if part == "major":
        return f"{major + 1}.0.0"
    if part == "minor":
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def fits(version, wanted):
    """Tell whether a version may stand in for the wanted one: not older, and the same major."""
    return order(version) >= order(wanted) and parse(version)[0] == parse(wanted)[0]
