"""Ways out to people and other programs: e-mail, Slack and signed webhooks, each tried once per call."""
