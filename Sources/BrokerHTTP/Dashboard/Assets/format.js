// Numbers with their units.

const NARROW = "\u202f";
const NONE = "\u2013";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const known = (value) => typeof value === "number" && Number.isFinite(value);

/** Three significant digits at most. */
function digits(value) {
    return value >= 100 || Number.isInteger(value) ? whole.format(value) : value.toFixed(value >= 10 ? 1 : 2).replace(/\.?0+$/, "");
}

export function count(value) {
    return known(value) ? whole.format(value) : NONE;
}

export function rate(value) {
    return known(value) ? `${digits(value)}${NARROW}/s` : NONE;
}

/** Microseconds. */
export function duration(us) {
    if (!known(us)) return NONE;
    if (us < 1000) return `${Math.round(us)}${NARROW}µs`;
    if (us < 1e6) return `${digits(us / 1000)}${NARROW}ms`;
    if (us < 60e6) return `${digits(us / 1e6)}${NARROW}s`;
    return age(us / 1000);
}

/** Milliseconds, for what lasts: the two largest units. */
export function age(ms) {
    if (!known(ms)) return NONE;
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    const first = parts.findIndex(([size]) => seconds >= size);
    if (first < 0) return `0${NARROW}s`;
    const [size, unit] = parts[first];
    const rest = parts[first + 1];
    const remainder = rest ? Math.floor((seconds % size) / rest[0]) : 0;
    return `${Math.floor(seconds / size)}${NARROW}${unit}` + (remainder ? ` ${remainder}${NARROW}${rest[1]}` : "");
}

export function bytes(value) {
    if (!known(value)) return NONE;
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
        value /= 1024;
        unit += 1;
    }
    return `${digits(value)}${NARROW}${units[unit]}`;
}

/** A quantity of a limit, by the unit that the broker names. */
export function quantity(value, unit) {
    if (unit === "bytes") return bytes(value);
    if (unit === "per second") return rate(value);
    return count(value);
}

export function percent(share) {
    return known(share) ? `${Math.floor(share * 100)}${NARROW}%` : NONE;
}

const two = (value) => String(value).padStart(2, "0");

/** Of the reader's own clock. */
export function time(ms) {
    const date = new Date(ms);
    return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export function dateTime(ms) {
    const date = new Date(ms);
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time(ms)}`;
}

/** As short as the day allows: without the date for today, without the year for this one. */
export function moment(ms, now = Date.now()) {
    const [then, today] = [dateTime(ms), dateTime(now)];
    return then.slice(0, 10) === today.slice(0, 10) ? then.slice(11) : then.slice(0, 4) === today.slice(0, 4)
        ? then.slice(5) : then;
}

/** `timed_out` as "timed out". */
export function words(name) {
    return String(name).replaceAll("_", " ");
}

const LIMITS = { org_disk_bytes: "disk", org_disk_inodes: "inodes", memory_bytes: "memory" };

/** A limit by its name in errors: `org_entries` as "entries", `calls_in_flight`,
which is no org's, as "calls in flight of the broker". */
export function limitName(name) {
    return LIMITS[name] ?? (name.startsWith("org_") ? words(name.slice(4)) : `${words(name)} of the broker`);
}
