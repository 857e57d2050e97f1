import PrometheusMetrics
import Testing

@Suite struct PrometheusTextTests {
    @Test func aFamilyIsWrittenAsTheFormatHasIt() {
        var calls = MetricFamily("calls_total", .counter, "Calls\nby \\code.")
        calls.add(3, [MetricFamily.Label("org", "a\"b\\c\nd")])
        calls.add(0.5)
        let empty = MetricFamily("nothing", .gauge, "None.")
        #expect(
            PrometheusText.render([calls, empty]) == #"""
                # HELP calls_total Calls\nby \\code.
                # TYPE calls_total counter
                calls_total{org="a\"b\\c\nd"} 3
                calls_total 0.5

                """#
        )
    }

    @Test func aHistogramEndsWithAllThatItHas() {
        var time = MetricFamily("time_seconds", .histogram, "Time.")
        let value = HistogramValue(
            buckets: [.init(bound: 0.25, count: 1), .init(bound: 1, count: 2)],
            count: 3,
            sum: 4.5
        )
        time.add(value, [MetricFamily.Label("org", "a")])
        #expect(
            PrometheusText.render([time]) == """
                # HELP time_seconds Time.
                # TYPE time_seconds histogram
                time_seconds_bucket{org="a",le="0.25"} 1
                time_seconds_bucket{org="a",le="1"} 2
                time_seconds_bucket{org="a",le="+Inf"} 3
                time_seconds_sum{org="a"} 4.5
                time_seconds_count{org="a"} 3

                """
        )
    }

    @Test func numbersAreWrittenAsPrometheusReadsThem() {
        var gauge = MetricFamily("g", .gauge, "")
        for value in [.nan, .infinity, -.infinity, 1e15, 9_007_199_254_740_992, 1e300, 0.000_001] as [Double] {
            gauge.add(value)
        }
        let lines = PrometheusText.render([gauge]).split(separator: "\n").dropFirst(2)
        #expect(
            lines.map { $0.dropFirst(2) } == [
                "NaN", "+Inf", "-Inf", "1000000000000000", "9007199254740992", "1e+300", "1e-06",
            ]
        )
    }
}
