package import CoreMetrics
internal import Synchronization

/// Where swift-metrics counts, for Prometheus to scrape. Safe to use from any thread.
///
/// A counter is a counter, a meter and a recorder that does not aggregate are gauges, a timer is a histogram in seconds,
/// and a recorder that aggregates is one of what it is given. Of all these there are only so many: whoever makes labels
/// out of what others choose gets handlers that count for nothing, and ``seriesRefused`` tells how many.
package final class PrometheusMetricsFactory: MetricsFactory {
    private struct SeriesID: Hashable {
        let name: String
        let labels: [MetricFamily.Label]
    }

    private struct State {
        var kinds: [String: MetricFamily.Kind] = [:]
        var series: [SeriesID: SeriesHandler] = [:]
        var refused: UInt64 = 0
    }

    private let maximumSeries: Int
    private let help: [String: String]
    private let state = Mutex(State())

    /// - Parameters:
    ///   - maximumSeries: At one time, of all names together.
    ///   - help: By the names that Prometheus sees.
    package init(maximumSeries: Int = 2000, help: [String: String] = [:]) {
        self.maximumSeries = maximumSeries
        self.help = help
    }

    /// How often a series was asked for that there is no room for, or whose name stands for something else.
    package var seriesRefused: UInt64 { state.withLock { $0.refused } }

    /// What was counted so far, by name and labels.
    package var families: [MetricFamily] {
        let (series, kinds) = state.withLock { ($0.series, $0.kinds) }
        return Dictionary(grouping: series, by: \.key.name).sorted { $0.key < $1.key }.map { name, members in
            var family = MetricFamily(name, kinds[name] ?? .gauge, help[name] ?? "By swift-metrics.")
            let sorted = members.sorted { Self.order($0.key.labels) < Self.order($1.key.labels) }
            for (id, handler) in sorted {
                switch handler.value {
                case .number(let value): family.add(value, id.labels)
                case .histogram(let value): family.add(value, id.labels)
                }
            }
            return family
        }
    }

    private static func order(_ labels: [MetricFamily.Label]) -> String {
        labels.map { "\($0.name)\u{0}\($0.value)" }.joined(separator: "\u{0}")
    }

    private func series(
        _ label: String,
        _ dimensions: [(String, String)],
        _ kind: MetricFamily.Kind,
        suffix: String = ""
    ) -> SeriesHandler {
        let name = MetricName.metric(label, suffix: suffix)
        let labels = MetricName.labels(dimensions)
        return state.withLock { state in
            let id = SeriesID(name: name, labels: labels)
            if state.kinds[name, default: kind] == kind {
                if let known = state.series[id] { return known }
                if state.series.count < maximumSeries {
                    let made = SeriesHandler(kind)
                    state.kinds[name] = kind
                    state.series[id] = made
                    return made
                }
            }
            state.refused += 1
            return SeriesHandler(kind)
        }
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            guard let id = state.series.first(where: { $0.value === handler })?.key else { return }
            state.series[id] = nil
            if !state.series.keys.contains(where: { $0.name == id.name }) { state.kinds[id.name] = nil }
        }
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter, suffix: "_total")
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter, suffix: "_total")
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions, aggregate ? .histogram : .gauge)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .histogram, suffix: "_seconds")
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }
}
