"""Alerts on traffic surges: people hear of each, and are called only where it is felt."""

from __future__ import annotations

from pantau_collector.storage.series import AREA_TAGS
from pantau_dashboards.alerting import bounds
from pantau_dashboards.alerting.kind import MINUTE_S, Kind, Measure, village_measure
from pantau_wire.vocabulary import Text

REGENCY_TAGS = ("regency", "province")
SURGE_TAGS = (*AREA_TAGS, "direction")


def _surge(field: str) -> Measure:
    return Measure(field, "surge", f'last("{field}")', SURGE_TAGS)


def _impact(name: str, measure: Measure, condition: str, title: Text, what: Text) -> Kind:
    """Return the surge that is felt: one kind for each way to feel it, as each is joined for itself."""
    return Kind(
        name=name,
        scope="regency",
        severity="page",
        title=title,
        what=what,
        strength=Text("score {value}", "skor {value}"),
        shown=("score", "number"),
        measures=(_surge("score"), measure),
        condition=f"$score > {bounds.SURGE_SCORE} && {condition}",
        wait_s=5 * MINUTE_S,
    )


SURGE_KINDS: tuple[Kind, ...] = (
    Kind(
        name="surge",
        scope="regency",
        severity="info",
        title=Text("Traffic surge", "Lonjakan lalu lintas"),
        what=Text(
            "The village's traffic is far above what is usual at this hour.",
            "Lalu lintas desa jauh di atas yang biasa pada jam ini.",
        ),
        strength=Text("score {value}", "skor {value}"),
        shown=("score", "number"),
        measures=(_surge("score"),),
        condition=f"$score > {bounds.SURGE_SCORE}",
    ),
    Kind(
        name="surge_slow",
        scope="regency",
        severity="info",
        title=Text("Slow traffic surge", "Lonjakan lalu lintas lambat"),
        what=Text(
            "The village's traffic has been above what is usual for a while.",
            "Lalu lintas desa sudah beberapa waktu di atas yang biasa.",
        ),
        strength=Text("cumulative score {value}", "skor kumulatif {value}"),
        shown=("cusum", "number"),
        measures=(_surge("cusum"),),
        condition=f"$cusum > {bounds.SLOW_SURGE_CUSUM}",
    ),
    _impact(
        "surge_utilization",
        _surge("utilization_ratio"),
        f"$utilization_ratio > {bounds.UTILIZATION_RATIO}",
        Text("Surge fills the line", "Lonjakan memenuhi saluran"),
        Text(
            "A traffic surge takes more than 70% of the contracted rate.",
            "Lonjakan lalu lintas memakai lebih dari 70% laju kontrak.",
        ),
    ),
    _impact(
        "surge_delay",
        village_measure("delay", 'mean("rtd_p50_ms")'),
        "$delay > {delay_ms}",
        Text("Surge with long delay", "Lonjakan disertai waktu tunda lama"),
        Text(
            "A traffic surge goes with a delay above the SLA's bound.",
            "Lonjakan lalu lintas disertai waktu tunda di atas batas SLA.",
        ),
    ),
    _impact(
        "surge_loss",
        village_measure("loss", 'mean("rt_loss_ratio")'),
        f"$loss > {bounds.LOSS_RATIO}",
        Text("Surge with loss", "Lonjakan disertai paket hilang"),
        Text(
            "A traffic surge goes with more loss than the SLA allows.",
            "Lonjakan lalu lintas disertai kehilangan paket di atas batas SLA.",
        ),
    ),
    Kind(
        name="regional_surge",
        scope="regency",
        severity="info",
        title=Text("Regional surge", "Lonjakan sekabupaten"),
        what=Text(
            "Traffic of the whole regency is far above what is usual at this hour.",
            "Lalu lintas seluruh kabupaten jauh di atas yang biasa pada jam ini.",
        ),
        strength=Text("regional score {value}", "skor kabupaten {value}"),
        shown=("regional", "number"),
        measures=(Measure("regional", "surge", 'last("regional_score")', (*REGENCY_TAGS, "direction")),),
        condition=f"$regional > {bounds.SURGE_SCORE}",
    ),
)
