"""What the modules of the page do, those that need no page."""

from steps import step


def modules(browser):
    """What the modules without a page do."""
    found = browser.run_async("""
        const { visible, visibleLine } = await import("/dashboard/text.js");
        const { EscapeFilter, OutputLines } = await import("/dashboard/terminal.js");
        const format = await import("/dashboard/format.js");
        const { Store } = await import("/dashboard/store.js");
        const encode = (text) => new TextEncoder().encode(text);
        const filter = new EscapeFilter();
        const lines = new OutputLines();
        const euro = encode("€");
        lines.write("stdout", encode("a\\x1b[3"));
        lines.write("stdout", encode("1mred\\x1b[0m "));
        lines.write("stdout", euro.slice(0, 1));
        lines.write("stdout", euro.slice(1));
        lines.write("stderr", encode("err\\r\\n"));
        lines.write("stdout", encode("10%\\r100%\\nok\\b\\bno\\n"));
        lines.notice("gap");
        const many = new OutputLines();
        for (let at = 0; at < 30; at += 1) many.write("stdout", encode("line\\n".repeat(1000)));
        const long = new OutputLines();
        for (let at = 0; at < 80; at += 1) long.write("stdout", encode("x".repeat(1 << 16)));
        const store = new Store();
        const org = (time, ok) => store.receive({ type: "overview", data: { time_ms: time, entries: [], execs: [], orgs: [{ org: "a", calls_ok: ok, calls_failed: 0, calls_waiting: 0, latency: { count: 1, p50_us: 5, p90_us: 6, p99_us: 7 } }] } });
        for (let at = 0; at < 1000; at += 1) org(at * 1000, at * 10);
        org(1_000_000, 3);
        org(1_010_000, 90);
        const samples = store.samples("a");
        for (let at = 0; at < 500; at += 1) store.receive({ type: "operation", data: { org: "a", error: "NO", n: at } });
        const crowd = new Store();
        const orgs = Array.from({ length: 1000 }, (_, at) => ({ org: `o${at}`, calls_ok: at, calls_failed: 0, calls_waiting: 0, calls_in_flight: 1 }));
        crowd.receive({ type: "history", data: { samples: [1000, 2000].map((time_ms) => ({ time_ms, orgs })) } });
        crowd.receive({ type: "history", data: { samples: [1000, 2000, 3000].map((time_ms) => ({ time_ms, orgs })) } });
        return {
            crowd: [crowd.samples("").map(({ inFlight }) => inFlight), crowd.samples("o1").length, crowd.samples("o999").length],
            visible: visible("a\\u202eb\\n\\u001b<\\u0000\\u200b"), line: visibleLine("a\\tb\\u0007"),
            text: filter.plain("\\x1b]0;title\\x07a\\x1b(Bb\\x1b]8;;http://x\\x1b\\\\c\\x9b1md\\x1bPq\\ne"),
            lines: lines.lines.map(({ stream, text }) => [stream, text]), numbers: lines.lines.map(({ number }) => number),
            many: many.lines.length, long: long.lines.reduce((sum, { text }) => sum + text.length, 0), longest: Math.max(...long.lines.map(({ text }) => text.length)),
            duration: [0, 999, 1500, 2_000_000, 90_000_000].map(format.duration), bytes: [0, 1023, 1024, 1536, 5 * 2 ** 30].map(format.bytes),
            age: [0, 61_000, 90_000_000].map(format.age), unknown: [format.count(null), format.rate(undefined), format.duration(NaN)],
            samples: samples.length, span: samples[samples.length - 1].time - samples[0].time, rate: samples[10].ok, restarted: samples[samples.length - 2].ok, gap: samples[samples.length - 1].ok,
            failures: store.failures.length, newest: store.failures[0].n,
        };
    """)
    narrow = "\u202f"
    wanted = {
        "crowd": [[1000, 1000, 1000], 3, 0],
        "visible": "a⟨202E⟩b↵⟨ESC⟩<⟨NUL⟩⟨200B⟩",
        "line": "a\tb⟨BEL⟩",
        "text": "abcd\ne",
        "lines": [["stdout", "ared €"], ["stderr", "err"], ["stdout", "100%"], ["stdout", "no"], ["notice", "gap"]],
        "numbers": [0, 1, 2, 3, 4],
        "many": 4000,
        "longest": 4096,
        "duration": [f"0{narrow}µs", f"999{narrow}µs", f"1.5{narrow}ms", f"2{narrow}s", f"1{narrow}min 30{narrow}s"],
        "bytes": [f"0{narrow}B", f"1,023{narrow}B", f"1{narrow}KiB", f"1.5{narrow}KiB", f"5{narrow}GiB"],
        "age": [f"0{narrow}s", f"1{narrow}min 1{narrow}s", f"1{narrow}d 1{narrow}h"],
        "unknown": ["–", "–", "–"],
        "rate": 10,
        "restarted": None,
        "gap": None,
        "failures": 200,
        "newest": 499,
    }
    assert isinstance(found, dict), found
    for name, value in wanted.items():
        assert found[name] == value, f"{name}: {found[name]!r} is not {value!r}"
    assert found["long"] <= 1 << 20 and found["samples"] <= 400 and found["span"] <= 300_000, found
    step("text, terminal, numbers, series")
