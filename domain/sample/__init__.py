"""A made-up fund to try Drypowder on: the same for everyone, always up to date, and labelled as a sample."""

from domain.sample.fund import (
    SAMPLE_NAME,
    SAMPLE_SEED,
    SAMPLE_SIZE,
    Moments,
    Recording,
    SampleFund,
    sample_fund,
)

__all__ = ["SAMPLE_NAME", "SAMPLE_SEED", "SAMPLE_SIZE", "Moments", "Recording", "SampleFund", "sample_fund"]
