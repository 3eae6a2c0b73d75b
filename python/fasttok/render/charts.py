"""Charts of reports, as Vega-Lite by Altair. Text takes the colour of its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from fasttok._util.extras import need
from fasttok._util.files import replacing
from fasttok._util.paths import PathLike
from fasttok.render import format
from fasttok.render.blocks import SHOWN, first
from fasttok.render.usage import part_name, parts

if TYPE_CHECKING:
    import altair

    from fasttok.reports.cost import CostReport
    from fasttok.reports.premium import PremiumReport
    from fasttok.reports.usage import UsageReport

ROW = 17
"""Height of a language, in pixels."""
INLINE = 340
"""Width of a plot without its labels; a page makes it as wide as it has room."""
PALETTE = ("#d9622b", "#3f7fbf", "#6a994e", "#8d6bb8", "#b0860f", "#2f9c95", "#b8527d", "#7c828c")
"""The colours of series on every page; the first is that of pages with one."""
TICKS = 5
"""What is asked for, of which Vega makes at most eight."""
MOST_TICKS = 8
_END_OF_PATH = (
    "indexof(datum.label, '/') >= 0 && length(datum.label) > 22 ? '…' + slice(datum.label, -21) : datum.label"
)
"""Of a long path the end is what tells it from its neighbours."""
_NUMBER = "datum.value === 0 ? '0' : datum.label"
"""Nothing is not so many thousands."""
_WHOLE_NUMBER = "datum.value % 1 === 0 ? format(datum.value, ',d') : ''"
"""Between two requests there is none."""


def premium_chart(report: PremiumReport, encoding: str | None = None) -> altair.LayerChart:
    """The premium of each language with its interval, under one encoding or all."""
    encodings = report.encodings if encoding is None else [encoding]
    rows = [row for name in encodings for row in premium_values(report, name)]
    chart = interval_chart(
        {"values": rows}, several=len(encodings) > 1, pivot=report.pivot_name, ticks=premium_ticks(report)
    )
    titled: altair.LayerChart = chart.properties(title=f"Tokens of the same content, {report.pivot_name} = 1")
    return titled


def premium_values(report: PremiumReport, encoding: str) -> list[dict[str, Any]]:
    """The rows of one encoding as charts read them."""
    return [
        {
            "language": row.name or row.language,
            "encoding": encoding,
            "premium": row.premium,
            "low": row.premium if row.low is None else row.low,
            "high": row.premium if row.high is None else row.high,
        }
        for row in first(report.of(encoding))
    ]


def premium_ticks(report: PremiumReport) -> list[float]:
    """Where a logarithmic axis of the premiums has ticks: round numbers, at most eight."""
    premiums = [row.premium for row in report.premiums]
    low, high = min(premiums), max(premiums)
    for digits in ((1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [digit * 10.0**power for power in range(-4, 6) for digit in digits]
        found = [tick for tick in found if low / 1.1 <= tick <= high * 1.1]
        if len(found) <= MOST_TICKS:
            break
    return found


def interval_chart(data: Mapping[str, Any], *, several: bool, pivot: str, ticks: Sequence[float]) -> altair.LayerChart:
    """Points and intervals, one row per language, the most expensive one first."""
    alt = need("altair", "plot", "a chart")
    order = alt.EncodingSortField(field="premium", op="max", order="descending")
    y = alt.Y("language:N", sort=order, title=None, axis=alt.Axis(labelLimit=170, ticks=False, domain=False))
    scale = alt.Scale(type="log", nice=False, padding=8)
    axis = alt.Axis(format="~g", values=list(ticks), orient="top")
    x = alt.X("premium:Q", scale=scale, title=f"tokens relative to {pivot} (logarithmic)", axis=axis)
    color = _series(alt, "encoding") if several else alt.value(PALETTE[0])
    tooltip = [
        alt.Tooltip("language:N"),
        alt.Tooltip("encoding:N"),
        alt.Tooltip("premium:Q", format=".3f"),
        alt.Tooltip("low:Q", format=".3f"),
        alt.Tooltip("high:Q", format=".3f"),
    ]
    base = alt.Chart(_data(alt, data))
    one = (
        alt.Chart(alt.Data(values=[{"one": 1}]))
        .mark_rule(strokeDash=[3, 3], opacity=0.6)
        .encode(x=alt.X("one:Q", scale=scale), color=alt.value("currentColor"))
    )
    interval = base.mark_rule(strokeWidth=2, opacity=0.7).encode(y=y, x=x, x2="high:Q", color=color)
    interval = interval.encode(x=alt.X("low:Q", scale=scale, title=None))
    point = base.mark_point(filled=True, size=36, opacity=1).encode(y=y, x=x, color=color, tooltip=tooltip)
    layered = alt.layer(one, interval, point).properties(width=INLINE, height=alt.Step(ROW))
    themed: altair.LayerChart = _themed(layered)
    return themed


def spread_chart(data: Mapping[str, Any], pivot: str, ticks: Sequence[float]) -> altair.LayerChart:
    """The premiums of all languages under each encoding: a tick a language, and the median of those that are `other`
    than the pivot and its varieties."""
    alt = need("altair", "plot", "a chart")
    scale = alt.Scale(type="log", nice=False, padding=8)
    base = alt.Chart(_data(alt, data))
    y = alt.Y("encoding:N", title=None, sort=None, axis=alt.Axis(labelLimit=170, ticks=False, domain=False))
    axis = alt.Axis(format="~g", values=list(ticks), orient="top")
    x = alt.X("premium:Q", scale=scale, axis=axis, title=f"tokens relative to {pivot} (logarithmic)")
    tooltip = [alt.Tooltip("language:N"), alt.Tooltip("encoding:N"), alt.Tooltip("premium:Q", format=".3f")]
    tick = base.mark_tick(thickness=1.5, size=16, opacity=0.45).encode(
        y=y, x=x, color=alt.value(PALETTE[0]), tooltip=tooltip
    )
    others = base.transform_filter("datum.other")
    median = others.mark_tick(thickness=3, size=22, opacity=1).encode(
        y=y, x=alt.X("median(premium):Q", scale=scale), color=alt.value("currentColor")
    )
    themed: altair.LayerChart = _themed(alt.layer(tick, median).properties(width=INLINE, height=alt.Step(30)))
    return themed


def group_name(key: Mapping[str, str | None]) -> str:
    """What a group is called in a chart."""
    return " · ".join(format.key(value) for value in key.values()) or "total"


def bars(data: Mapping[str, Any], title: str, shape: str = "~s") -> altair.Chart:
    """A bar for each group and series, as long as its value, on an axis whose numbers have that `shape`."""
    alt = need("altair", "plot", "a chart")
    tooltip = [alt.Tooltip("group:N"), alt.Tooltip("series:N"), alt.Tooltip("value:Q", format=",")]
    return _grouped_bars(alt, data, "value", "series", title, tooltip, shape)


def densities(data: Mapping[str, Any]) -> altair.LayerChart:
    """Tokens per character of each group under each encoding, with their intervals."""
    alt = need("altair", "plot", "a chart")
    y = _groups(alt)
    offset = alt.YOffset("encoding:N", sort=None)
    color = _series(alt, "encoding")
    axis = alt.Axis(format="~g", orient="top", tickCount=TICKS)
    tooltip = [
        alt.Tooltip("group:N"),
        alt.Tooltip("encoding:N"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high")),
    ]
    base = alt.Chart(_data(alt, data))
    interval = base.mark_rule(strokeWidth=2, opacity=0.7).encode(
        y=y, yOffset=offset, x=alt.X("low:Q", title="tokens per character", axis=axis), x2="high:Q", color=color
    )
    point = base.mark_point(filled=True, size=36, opacity=1).encode(
        y=y, yOffset=offset, x=alt.X("value:Q"), color=color, tooltip=tooltip
    )
    layered = alt.layer(interval, point).properties(width=INLINE, height=alt.Step(16, **{"for": "offset"}))
    themed: altair.LayerChart = _themed(layered)
    return themed


def _groups(alt: Any) -> Any:
    axis = alt.Axis(labelLimit=170, labelExpr=_END_OF_PATH, ticks=False, domain=False)
    return alt.Y("group:N", title=None, sort=None, axis=axis)


def _series(alt: Any, field: str) -> Any:
    legend = alt.Legend(orient="top", title=None, labelLimit=300)
    return alt.Color(f"{field}:N", sort=None, scale=alt.Scale(range=list(PALETTE)), legend=legend)


def _grouped_bars(
    alt: Any,
    data: Mapping[str, Any],
    value: str,
    series: str,
    title: str,
    tooltip: Sequence[Any],
    shape: str = "~g",
) -> altair.Chart:
    axis = alt.Axis(format=shape, labelExpr=_NUMBER, orient="top", tickCount=TICKS)
    chart = (
        alt.Chart(_data(alt, data))
        .mark_bar(height={"band": 0.85})
        .encode(
            y=_groups(alt),
            yOffset=alt.YOffset(f"{series}:N", sort=None),
            x=alt.X(f"{value}:Q", title=title, axis=axis),
            color=_series(alt, series),
            tooltip=tooltip,
        )
        .properties(width=INLINE, height=alt.Step(16, **{"for": "offset"}))
    )
    themed: altair.Chart = _themed(chart)
    return themed


def cost_chart(report: CostReport) -> altair.Chart:
    """The cost of each group on each model."""
    return cost_bars({"values": cost_values(report)}, report.currency)


def cost_values(report: CostReport, most: int = SHOWN) -> list[dict[str, Any]]:
    """The rows of a cost report as charts read them: of so many groups, the dearest first."""
    return [
        {
            "group": group_name(row.key),
            "model": row.label,
            "cost": row.cost,
            "per_1000": None if row.cost_per_document is None else 1000 * row.cost_per_document,
        }
        for row in (report.dearest_first()[: most * len(report.models)] or report.totals)
    ]


def cost_bars(data: Mapping[str, Any], currency: str) -> altair.Chart:
    """A bar a group and model."""
    alt = need("altair", "plot", "a chart")
    tooltip = [
        alt.Tooltip("group:N"),
        alt.Tooltip("model:N"),
        alt.Tooltip("cost:Q", format=",.4f"),
        alt.Tooltip("per_1000:Q", format=",.4f", title="1,000 documents"),
    ]
    return _grouped_bars(alt, data, "cost", "model", f"cost, {currency}", tooltip)


def usage_chart(report: UsageReport) -> altair.Chart:
    """The context of requests by their turn."""
    return growth({"values": growth_values(report)})


def growth_values(report: UsageReport) -> list[dict[str, Any]]:
    """The average context of each turn, as recorded and under each encoding."""
    return [
        {"turn": turn.turn, "series": series, "tokens": tokens, "requests": turn.requests}
        for turn in report.turns
        for series, tokens in (("recorded", turn.input_tokens), *turn.sent_tokens.items())
        if tokens is not None
    ]


def growth(data: Mapping[str, Any]) -> altair.Chart:
    """Tokens of input by turn, a line a series."""
    alt = need("altair", "plot", "a chart")
    chart = (
        alt.Chart(_data(alt, data))
        .mark_line(point={"size": 14}, strokeWidth=2)
        .encode(
            x=alt.X(
                "turn:Q",
                title="request of the conversation",
                axis=alt.Axis(labelExpr=_WHOLE_NUMBER, ticks=False, grid=False),
            ),
            y=alt.Y(
                "tokens:Q",
                title="tokens of input, on average",
                axis=alt.Axis(format="~s", labelExpr=_NUMBER),
            ),
            color=_series(alt, "series"),
            tooltip=[
                alt.Tooltip("series:N"),
                alt.Tooltip("turn:Q"),
                alt.Tooltip("tokens:Q", format=",.0f"),
                alt.Tooltip("requests:Q", format=","),
            ],
        )
        .properties(width=INLINE, height=220)
    )
    themed: altair.Chart = _themed(chart)
    return themed


def part_values(report: UsageReport) -> list[dict[str, Any]]:
    """What was sent of each role and part under the first encoding, the most first."""
    name = report.encodings[0]
    return [
        {"group": f"{part.role} · {part_name(part)}", "series": name, "value": part.sent_tokens[name]}
        for part in parts(report)
    ]


def save(chart: Any, path: PathLike, shape: Literal["svg", "png"]) -> None:
    """Write a chart as a picture: whole or not at all."""
    need("vl_convert", "plot", "a picture")
    opaque = chart.configure(**{**chart.config.to_dict(), "background": "white"})
    with replacing(path) as temporary:
        opaque.save(temporary, format=shape, **({"scale_factor": 2} if shape == "png" else {}))


def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that needs nothing else."""
    vl_convert = need("vl_convert", "plot", "a page")
    alt = need("altair", "plot", "a page")
    version = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    script: str = vl_convert.javascript_bundle(vl_version=version)
    return script


def _data(alt: Any, data: Mapping[str, Any]) -> Any:
    return alt.NamedData(name=data["name"]) if "name" in data else alt.Data(values=data["values"])


def _themed(chart: Any) -> Any:
    font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
    quiet: Sequence[str] = ("labelColor", "titleColor")
    return chart.configure(
        font=font,
        background="transparent",
        axis={
            **dict.fromkeys(quiet, "currentColor"),
            "gridColor": "currentColor",
            "gridOpacity": 0.12,
            "tickColor": "currentColor",
            "tickOpacity": 0.3,
            "domainColor": "currentColor",
            "domainOpacity": 0.3,
            "titleFontWeight": "normal",
            "labelFontSize": 12,
            "titleFontSize": 12,
        },
        legend={**dict.fromkeys(quiet, "currentColor"), "labelFontSize": 12, "columns": 4},
        title={"color": "currentColor", "anchor": "start", "fontWeight": 600},
        view={"stroke": None},
    )
