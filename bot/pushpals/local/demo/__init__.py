"""`pushpals demo`: the main job once, end to end, with everything on this machine."""
