"""Reading metrics as Prometheus does."""

from prometheus_client.parser import text_string_to_metric_families

Sample = tuple[str, frozenset[tuple[str, str]]]


class Reading:
    """What a process showed at one moment."""

    def __init__(self, text: str) -> None:
        self._samples: dict[Sample, float] = {
            (one.name, frozenset(one.labels.items())): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }

    def of(self, sample: str, /, **labels: str) -> float:
        """One sample's value; 0 where it isn't there."""
        return self._samples.get((f"drypowder_{sample}", frozenset(labels.items())), 0.0)

    @property
    def names(self) -> set[str]:
        """Names of all samples."""
        return {name for name, _ in self._samples}
