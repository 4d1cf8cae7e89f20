"""LocalBuddy talks with people: it acknowledges, reads what was asked, keeps the picture on GitHub true."""
