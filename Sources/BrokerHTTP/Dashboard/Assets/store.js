// What the broker told: the last overview, five minutes of samples per org, the last failures. All of it bounded.

export const WINDOW_MS = 300_000;
const MAX_SAMPLES = 400;
const MAX_ORGS_WITH_HISTORY = 200;
const MAX_FAILURES = 200;
/** Samples further apart are not joined by a line. */
export const GAP_MS = 3500;

/** The series of all orgs together. */
export const ALL = "";

export class Store {
    overview = null;
    /** Newest first. */
    failures = [];
    missed = 0;
    openedAt = Date.now();
    #series = new Map();
    #counters = new Map();
    #failureNumber = 0;

    receive({ type, data }) {
        if (type === "overview") {
            this.overview = data;
            this.#sample(data);
        } else if (type === "history") {
            // After a reconnection it tells some again.
            const known = this.samples(ALL).at(-1)?.time ?? 0;
            for (const sample of data.samples ?? []) {
                if (sample.time_ms > known) this.#sample(sample);
            }
        } else if (type === "operation") {
            if (failed(data)) {
                this.#failureNumber += 1;
                this.failures.unshift({ ...data, number: this.#failureNumber });
                this.failures.length = Math.min(this.failures.length, MAX_FAILURES);
            }
        } else if (type === "missed") {
            this.missed += data.count ?? 0;
        }
    }

    /** Samples of an org, oldest first. */
    samples(org) {
        return this.#series.get(org) ?? [];
    }

    orgs(scope) {
        const orgs = this.overview?.orgs ?? [];
        return scope === ALL ? orgs : orgs.filter(({ org }) => org === scope);
    }

    entries(scope) {
        return within(this.overview?.entries ?? [], scope);
    }

    execs(scope) {
        return within(this.overview?.execs ?? [], scope);
    }

    failuresOf(scope) {
        return within(this.failures, scope);
    }

    #sample({ time_ms: time, orgs = [], latency }) {
        const samples = orgs.map((org) => [org.org, this.#sampleOf(org, time)]);
        // First, so that it is there however many orgs there are.
        this.#append(ALL, together(samples.map(([, sample]) => sample), time, latency));
        for (const [org, sample] of samples) this.#append(org, sample);
        const present = new Set([ALL, ...orgs.map(({ org }) => org)]);
        for (const org of this.#series.keys()) {
            if (!present.has(org)) {
                this.#series.delete(org);
                this.#counters.delete(org);
            }
        }
    }

    #sampleOf(org, time) {
        const before = this.#counters.get(org.org);
        this.#counters.set(org.org, { time, ok: org.calls_ok, failed: org.calls_failed });
        const seconds = before ? (time - before.time) / 1000 : 0;
        // A counter that fell is that of a new broker; one across a gap says nothing about now.
        const perSecond = (now, then) => before && seconds > 0 && seconds * 1000 < GAP_MS && now >= then ? (now - then) / seconds : null;
        return {
            time,
            ok: perSecond(org.calls_ok, before?.ok),
            failed: perSecond(org.calls_failed, before?.failed),
            ...percentiles(org.latency),
            callWait: org.calls_waiting > 0 ? org.longest_wait_us : 0,
            poolWait: org.pool?.waiting > 0 ? org.pool.longest_wait_us : 0,
            inFlight: org.calls_in_flight,
            waiting: org.calls_waiting + (org.pool?.waiting ?? 0),
            commands: org.execs_running,
        };
    }

    #append(org, sample) {
        let series = this.#series.get(org);
        if (!series) {
            if (this.#series.size > MAX_ORGS_WITH_HISTORY) return;
            series = [];
            this.#series.set(org, series);
        }
        series.push(sample);
        let old = 0;
        while (old < series.length && (series[old].time < sample.time - WINDOW_MS || series.length - old > MAX_SAMPLES)) old += 1;
        series.splice(0, old);
    }
}

/** Commands that ended with a status of their own count as failures, told apart by having no error. */
function failed(operation) {
    return Boolean(operation.error) || (operation.exit_code ?? 0) !== 0;
}

function within(rows, scope) {
    return scope === ALL ? rows : rows.filter(({ org }) => org === scope);
}

function percentiles(latency) {
    if (!latency?.count) return { p50: null, p90: null, p99: null };
    return { p50: latency.p50_us, p90: latency.p90_us, p99: latency.p99_us };
}

const sum = (samples, name) => {
    const known = samples.map((sample) => sample[name]).filter((value) => value !== null);
    return known.length ? known.reduce((total, value) => total + value, 0) : null;
};
const largest = (samples, name) => {
    const known = samples.map((sample) => sample[name]).filter((value) => value !== null);
    return known.length ? Math.max(...known) : null;
};

function together(samples, time, latency) {
    // Percentiles of several orgs cannot be added up; where the broker does not tell theirs, the slowest org's stand.
    const merged = latency ? percentiles(latency)
        : Object.fromEntries(["p50", "p90", "p99"].map((name) => [name, largest(samples, name)]));
    return {
        time, ...merged,
        ...Object.fromEntries(["ok", "failed", "inFlight", "waiting", "commands"].map((name) => [name, sum(samples, name)])),
        ...Object.fromEntries(["callWait", "poolWait"].map((name) => [name, largest(samples, name)])),
    };
}
