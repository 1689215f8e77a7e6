"""Hours of the product in minutes: what must hold while its parts are killed one after another."""
