"""From what following a file made to the facts that rules see."""
