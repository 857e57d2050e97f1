internal import CoreMetrics
internal import Synchronization

/// One series that swift-metrics writes to. Safe to use from any thread.
final class SeriesHandler: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    private enum State {
        case number(Double)
        case histogram(counts: [UInt64], sum: Double)
    }

    private let state: Mutex<State>

    /// Of a histogram; wide enough for seconds and for bytes.
    private static let bounds =
        [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

    init(_ kind: MetricFamily.Kind) {
        switch kind {
        case .counter, .gauge: state = Mutex(.number(0))
        // One more for what is larger than every bound.
        case .histogram: state = Mutex(.histogram(counts: Array(repeating: 0, count: Self.bounds.count + 1), sum: 0))
        }
    }

    var value: MetricFamily.Value {
        state.withLock { state in
            switch state {
            case .number(let value):
                return .number(value)
            case .histogram(let counts, let sum):
                var met: UInt64 = 0
                let buckets = zip(Self.bounds, counts).map { bound, count in
                    met += count
                    return HistogramValue.Bucket(bound: bound, count: met)
                }
                return .histogram(HistogramValue(buckets: buckets, count: met + (counts.last ?? 0), sum: sum))
            }
        }
    }

    private func observe(_ value: Double) {
        state.withLock { state in
            switch state {
            case .number: state = .number(value)
            case .histogram(var counts, let sum):
                counts[Self.bounds.firstIndex { value <= $0 } ?? Self.bounds.count] += 1
                state = .histogram(counts: counts, sum: sum + value)
            }
        }
    }

    private func add(_ amount: Double) {
        state.withLock { state in
            if case .number(let value) = state { state = .number(value + amount) }
        }
    }

    // MARK: Counters

    func increment(by amount: Int64) { add(Double(max(amount, 0))) }
    func reset() { state.withLock { $0 = .number(0) } }

    // MARK: Counters of fractions, and meters

    func increment(by amount: Double) { add(amount) }
    func decrement(by amount: Double) { add(-amount) }
    func set(_ value: Int64) { observe(Double(value)) }
    func set(_ value: Double) { observe(value) }

    // MARK: Recorders and timers

    func record(_ value: Int64) { observe(Double(value)) }
    func record(_ value: Double) { observe(value) }
    func recordNanoseconds(_ duration: Int64) { observe(Double(duration) / 1e9) }
}
