"""The SLA of a village's month once more: plain Python, minute by minute, written from the definition alone.

It takes the object that the JSON input holds and imports nothing of the project. Slow on purpose: every rule
of the definition is a line that can be read beside it.
"""

import collections
import datetime as dt
import itertools
import math

ORDER = ["up", "link_down", "local_fault", "power_off", "agent_down", "off_site", "unknown"]
OFFSET_HOURS = {"Asia/Jakarta": 7, "Asia/Makassar": 8, "Asia/Jayapura": 9}
DEFAULTS = {
    "since": "2000-01-01",
    "availability_target_ratio": 0.95,
    "long_outage_above_s": 300,
    "short_outages_allowed_minutes": 60,
    "coverage_min_ratio": 0.9,
    "maintenance_notice_s": 24 * 3600,
    "maintenance_max_minutes": 8 * 60,
    "speed_rate_ratio": 0.8,
    "speed_share_ratio": 0.8,
    "speed_tests_min_count": 60,
    "speed_days_min_count": 15,
    "busy_from": "19:00",
    "busy_to": "22:00",
    "busy_days": "all",
    "holidays": [],
    "latency_max_ms": 100,
    "latency_share_ratio": 0.95,
    "variation_max_ms": 50,
    "variation_share_ratio": 0.95,
    "loss_max_ratio": 0.01,
}
NAMED = {
    "kantor": {"busy_from": "08:00", "busy_to": "15:00", "busy_days": "working"},
    "satelit": {"latency_max_ms": 700},
}


def judge(document):
    """Return everything that is said of the month, as a dictionary."""
    zone = dt.timezone(dt.timedelta(hours=OFFSET_HOURS[document["timezone"]]))
    year, month = map(int, document["month"].split("-"))
    begin = dt.datetime(year, month, 1, tzinfo=zone)
    end = dt.datetime(year + (month == 12), month % 12 + 1, 1, tzinfo=zone)
    begin_minute, end_minute = int(begin.timestamp()) // 60, int(end.timestamp()) // 60
    minutes = range(begin_minute - 2 * 1440, end_minute + 2 * 1440)
    profiles = dated(document["profile"])
    governing = on(profiles, begin.date())
    faults = target_faults(document, minutes)
    by_device = [device(entry, minutes, faults) for entry in document["devices"]]
    states = village(by_device)
    maintenance = accepted(document.get("maintenance", []), governing, begin_minute, end_minute)
    account = set(range(begin_minute, end_minute)) - maintenance
    counts = collections.Counter(state for minute, state in states.items() if minute in account)
    counts["unknown"] += len(account) - counts.total()
    found = {"month": end_minute - begin_minute, "maintenance": len(maintenance)}
    found |= {state: counts[state] for state in ORDER}
    outages = find_outages(states, minutes)
    result = availability(found, outages, states, account, governing)
    covered = result["coverage"] >= governing["coverage_min_ratio"]
    metrics = result["metrics"]
    for name, column in (("latency", "p50"), ("variation", "pdv")):
        n, k = delays(by_device, account, column, profiles, f"{name}_max_ms", zone=zone)
        share = governing[f"{name}_share_ratio"]
        metrics[name] = census(n, k, lambda found, least=share: found >= least, covered)
    metrics["loss"] = loss(by_device, account, governing, covered)
    tests = [row for row in document.get("speed_tests", []) if row[0] // 60 in account]
    for direction, column in (("download", 1), ("upload", 2)):
        metrics[direction] = speed(tests, column, direction, profiles, governing=governing, zone=zone)
    result["uncounted_tests"] = sum(1 for row in tests if not row[3])
    verdicts = {metric["verdict"] for metric in metrics.values()}
    gravest = ["fail", "insufficient_data", "inconclusive", "pass"]
    result["verdict"] = next(verdict for verdict in gravest if verdict in verdicts)
    result["outages"] = [
        [first, last + 1, len(own), len(own) * 60 > governing["long_outage_above_s"]]
        for first, last, own in outages
        if first < end_minute and last >= begin_minute
    ]
    return result


def dated(given):
    """Return the profiles with all their keys, oldest first."""
    listed = given if isinstance(given, list) else [given]
    whole = [DEFAULTS | NAMED.get(profile["name"], {}) | profile for profile in listed]
    return sorted(whole, key=lambda profile: profile["since"])


def on(profiles, day):
    """Return the newest profile that began by that day, or the first one."""
    begun = [profile for profile in profiles if dt.date.fromisoformat(profile["since"]) <= day]
    return begun[-1] if begun else profiles[0]


def target_faults(document, minutes):
    """Return the minutes in which the targets were at fault."""
    return {
        minute
        for from_s, to_s in document.get("target_faults", [])
        for minute in range(math.ceil(from_s / 60), math.ceil(to_s / 60))
        if minute in minutes
    }


def device(entry, minutes, faults):
    """Return the device's state, probes and delays by minute; minutes that are unknown are left out."""
    rows = {}
    for row in sorted({tuple(row) for row in entry["samples"]}, key=lambda row: (row[1], row[2])):
        rows.setdefault(int(row[0] // 60), []).append(row)
    told = sorted(rows)
    here = placed(entry.get("placed"))
    found = {"state": {}, "p50": {}, "pdv": {}, "sent": {}, "received": {}}
    for minute in told:
        if minute in minutes and here(minute * 60):
            note(found, minute, rows[minute], minute in faults)
    for before, after in itertools.pairwise(told):
        gap = range(max(before + 1, minutes[0]), min(after, minutes[-1] + 1))
        whole_gap = (rows[before][-1], rows[after][0], after - before - 1)
        state_before = evidence_state(rows[before], before in faults)
        for minute in gap:
            state = gap_state(minute, *whole_gap, state_before)
            if state == "unknown":
                break  # so is the rest of this gap
            if here(minute * 60):
                found["state"][minute] = state
    return found


def note(found, minute, rows, target_at_fault):
    """Note what the samples of a minute say."""
    found["state"][minute] = state = evidence_state(rows, target_at_fault)
    if state == "up" and not target_at_fault:
        answered = [row for row in rows if row[5] == "answered"]
        found["sent"][minute] = sum(row[6] for row in answered)
        found["received"][minute] = sum(row[7] for row in answered)
        for name, column in (("p50", 8), ("pdv", 9)):
            values = [row[column] for row in answered if row[column] is not None]
            if values:
                found[name][minute] = min(values)


def placed(spans):
    """Return a function that tells whether the device stood in the village at an instant."""
    if spans is None:
        return lambda _second: True
    return lambda second: any(from_s <= second and (to_s is None or second < to_s) for from_s, to_s in spans)


def evidence_state(rows, target_at_fault):
    """Return the state of a minute with samples: the first rule that fits."""
    evidence = {row[5] for row in rows}
    if "off_site" in evidence:
        return "off_site"
    if "answered" in evidence:
        return "up"
    if "local_fault" in evidence:
        return "local_fault"
    return "unknown" if target_at_fault else "link_down"


def gap_state(minute, last, following, length, state_before):
    """Return the state of a minute without a sample, between two samples that lie so many minutes apart."""
    same_boot = last[3] == following[3]
    if same_boot and length <= 2:
        return state_before
    if following[1] != last[2] + 1:
        return "unknown"
    boot_began_s = following[0] - following[4]
    if not same_boot and minute * 60 < boot_began_s:
        return "power_off"
    return "agent_down"


def village(by_device):
    """Return the best state of the devices for each minute; minutes that are unknown are left out."""
    states = {}
    for one in by_device:
        for minute, state in one["state"].items():
            if minute not in states or ORDER.index(state) < ORDER.index(states[minute]):
                states[minute] = state
    return states


def accepted(windows, profile, begin_minute, end_minute):
    """Return the minutes of maintenance that leave the account."""
    found = set()
    for from_s, to_s, announced_s in windows:
        if announced_s is None or from_s - announced_s < profile["maintenance_notice_s"]:
            continue
        found |= {
            minute
            for minute in range(math.ceil(from_s / 60), math.ceil(to_s / 60))
            if begin_minute <= minute < end_minute
        }
    return set(sorted(found)[: profile["maintenance_max_minutes"]])


def find_outages(states, minutes):
    """Return (first minute down, last minute down, its own minutes) of each outage."""
    found, own, pending, ups = [], [], [], 0
    for minute in minutes:
        state = states.get(minute)
        if state == "link_down":
            own += [*pending, minute]  # what flickered since the last minute down belongs to it
            pending, ups = [], 0
        elif state == "up" and own:
            ups += 1
            pending.append(minute)
            if ups == 3:
                found.append((own[0], own[-1], own))
                own, pending, ups = [], [], 0
        else:
            ups = 0
    if own:
        found.append((own[0], own[-1], own))
    return found


def availability(found, outages, states, account, profile):
    """Return A with its bounds, coverage and restitution."""
    long, short = set(), set()
    for _, _, own in outages:
        (long if len(own) * 60 > profile["long_outage_above_s"] else short).update(own)
    long, short = long & account, short & account
    short_count = len(short) > profile["short_outages_allowed_minutes"]
    down = long | short if short_count else long
    up = sum(1 for minute in account - down if states.get(minute) == "up")
    doubt = found["unknown"] + found["agent_down"] + found["local_fault"]
    whole = up + len(down) + doubt
    a_min, a_max = ratio(up, whole), ratio(up + doubt, whole)
    coverage = (found["up"] + found["link_down"]) / max(found["month"] - found["maintenance"], 1)
    target = profile["availability_target_ratio"]
    if coverage < profile["coverage_min_ratio"] or up + len(down) == 0:
        verdict = "insufficient_data"
    elif a_max < target:
        verdict = "fail"
    else:
        verdict = "pass" if a_min >= target else "inconclusive"
    figures = {
        "n": up + len(down),
        "k": up,
        "share": ratio(up, up + len(down)),
        "lower": a_min,
        "upper": a_max,
    }
    return {
        "minutes": found,
        "coverage": coverage,
        "restitution_minutes": len(long),
        "short_outage_minutes": len(short),
        "short_outages_count": short_count,
        "metrics": {"availability": figures | {"verdict": verdict}},
    }


def delays(by_device, account, column, profiles, limit, *, zone):
    """Return n and k of delay or its variation: the best device's answer of each minute counts."""
    best = {}
    for one in by_device:
        for minute, value in one[column].items():
            if minute in account:
                best[minute] = min(value, best.get(minute, value))
    k = 0
    for minute, value in best.items():
        day = dt.datetime.fromtimestamp(minute * 60, zone).date()
        k += value <= on(profiles, day)[limit]
    return len(best), k


def loss(by_device, account, governing, covered):
    """Return the judgement of loss over all probes of minutes that are up."""
    sent, received = (
        sum(count for one in by_device for minute, count in one[name].items() if minute in account)
        for name in ("sent", "received")
    )
    return census(sent, sent - received, lambda share: share <= governing["loss_max_ratio"], covered)


def census(n, k, good, covered):
    """Return a figure that is judged by itself."""
    share = ratio(k, n)
    verdict = "insufficient_data" if n == 0 or not covered else "pass" if good(share) else "fail"
    return {"n": n, "k": k, "share": share, "lower": share, "upper": share, "verdict": verdict}


def speed(tests, column, direction, profiles, *, governing, zone):
    """Return the judgement of a direction's speed by its sample."""
    n, k, days = 0, 0, set()
    for row in tests:
        at = dt.datetime.fromtimestamp(row[0], zone)
        profile = on(profiles, at.date())
        if row[3] and row[column] is not None and busy(at, profile):
            n += 1
            days.add(at.date())
            contracted = profile[f"contracted_{direction}_bps"]
            k += contracted is not None and row[column] / contracted >= profile["speed_rate_ratio"]
    lower, upper = wilson(n, k)
    target = governing["speed_share_ratio"]
    enough = n >= governing["speed_tests_min_count"] and len(days) >= governing["speed_days_min_count"]
    if not enough or governing[f"contracted_{direction}_bps"] is None:
        verdict = "insufficient_data"
    elif upper < target:
        verdict = "fail"
    else:
        verdict = "pass" if lower >= target else "inconclusive"
    return {
        "n": n,
        "k": k,
        "share": ratio(k, n),
        "lower": lower,
        "upper": upper,
        "verdict": verdict,
        "days": len(days),
    }


def busy(at, profile):
    """Return whether an instant lies in the profile's busy hours."""
    if profile["busy_days"] == "working" and (
        at.weekday() >= 5 or at.date().isoformat() in profile["holidays"]
    ):
        return False
    return profile["busy_from"] <= at.strftime("%H:%M") < profile["busy_to"]


def wilson(n, k):
    """Return the one-sided 95% bounds, found by trying: the shares whose score test k of n just bears."""
    if n == 0:
        return None, None
    return bisected(n, k, lower=True), bisected(n, k, lower=False)


def bisected(n, k, *, lower):
    """Return the share p with |k/n - p| = z sqrt(p(1-p)/n), below or above k/n."""
    z = 1.6448536269514722
    share = k / n
    near, far = share, 0.0 if lower else 1.0
    for _ in range(60):
        middle = (near + far) / 2
        if abs(share - middle) <= z * math.sqrt(middle * (1 - middle) / n):
            near = middle
        else:
            far = middle
    return near


def ratio(k, n):
    """Return k of n, or None of nothing."""
    return k / n if n else None
