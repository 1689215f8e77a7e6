"""Reserves: where the next follow-on dollar earns most, and how a pool is split under the fund's limits."""
