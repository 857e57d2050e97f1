import CoreMetrics
import PrometheusMetrics
import Testing

@Suite struct PrometheusMetricsFactoryTests {
    @Test func whatIsCountedIsThere() {
        let factory = PrometheusMetricsFactory(help: ["requests_total": "Requests."])
        Counter(label: "requests", dimensions: [("route", "/a"), ("code", "200")], factory: factory).increment(by: 2)
        Counter(label: "requests", dimensions: [("code", "200"), ("route", "/a")], factory: factory).increment()
        FloatingPointCounter(label: "cpu.seconds-total", factory: factory).increment(by: 0.75)
        let meter = Meter(label: "depth", factory: factory)
        meter.set(5)
        meter.decrement(by: 2.0)
        Gauge(label: "level", factory: factory).record(7)
        #expect(
            PrometheusText.render(factory.families) == """
                # HELP cpu_seconds_total By swift-metrics.
                # TYPE cpu_seconds_total counter
                cpu_seconds_total 0.75
                # HELP depth By swift-metrics.
                # TYPE depth gauge
                depth 3
                # HELP level By swift-metrics.
                # TYPE level gauge
                level 7
                # HELP requests_total Requests.
                # TYPE requests_total counter
                requests_total{code="200",route="/a"} 3

                """
        )
    }

    @Test func aTimerIsAHistogramInSeconds() throws {
        let factory = PrometheusMetricsFactory()
        let timer = CoreMetrics.Timer(label: "answer", factory: factory)
        timer.recordMilliseconds(2)
        timer.recordMilliseconds(250)
        timer.recordSeconds(100)
        let family = try #require(factory.families.first)
        #expect((family.name, family.kind) == ("answer_seconds", .histogram))
        guard case .histogram(let value)? = family.series.first?.value else {
            Issue.record("\(family)")
            return
        }
        #expect((value.count, value.sum) == (3, 100.252))
        #expect(value.buckets.first { $0.bound == 0.0025 }?.count == 1)
        #expect(value.buckets.first { $0.bound == 0.25 }?.count == 2)
        #expect(value.buckets.last?.count == 2)
    }

    @Test func thereAreOnlySoManySeries() {
        let factory = PrometheusMetricsFactory(maximumSeries: 2)
        for index in 0..<5 {
            Counter(label: "c", dimensions: [("i", "\(index)")], factory: factory).increment()
        }
        #expect(factory.families.first?.series.count == 2)
        #expect(factory.seriesRefused == 3)
    }

    @Test func aNameStandsForOneKind() {
        let factory = PrometheusMetricsFactory()
        Counter(label: "a_total", factory: factory).increment()
        Meter(label: "a_total", factory: factory).set(5)
        #expect(factory.families.map(\.kind) == [.counter])
        #expect(factory.seriesRefused == 1)
    }

    @Test func whatIsDestroyedIsGone() {
        let factory = PrometheusMetricsFactory()
        let counter = Counter(label: "c", factory: factory)
        counter.increment()
        counter.destroy()
        #expect(factory.families.isEmpty)
        Meter(label: "c_total", factory: factory).set(1)
        #expect(factory.families.map(\.kind) == [.gauge])
    }
}
