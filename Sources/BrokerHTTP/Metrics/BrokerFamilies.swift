internal import BrokerServer
internal import BrokerWire
internal import PrometheusMetrics

/// What a broker is and has, beside what its orgs do, as Prometheus names it.
struct BrokerFamilies {
    private let metrics: BrokerMetrics

    init(_ metrics: BrokerMetrics) {
        self.metrics = metrics
    }

    var all: [MetricFamily] { broker + connections + limits + process }

    private var broker: [MetricFamily] {
        var info = MetricFamily("agent_broker_build_info", .gauge, "Always 1; what runs is in its labels.")
        info.add(
            1,
            [
                MetricFamily.Label("version", metrics.version), MetricFamily.Label("node", metrics.node),
                MetricFamily.Label("isolation", metrics.isolation),
            ]
        )
        var delays = MetricFamily(
            "agent_broker_event_loop_delay_seconds",
            .gauge,
            "How long the last scrape's task on an event loop waited for its turn, or has waited."
        )
        for (loop, delay) in metrics.eventLoopDelays.enumerated() {
            delays.add(delay.inSeconds, [MetricFamily.Label("loop", "\(loop)")])
        }
        return [
            info,
            Self.gauge("agent_broker_uptime_seconds", "Time since the start.", metrics.uptime.inSeconds),
            Self.gauge(
                "agent_broker_draining",
                "1: the broker ends, and begins nothing new.",
                metrics.isDraining ? 1 : 0
            ),
            delays,
        ]
    }

    private var connections: [MetricFamily] {
        [
            Self.gauge(
                "agent_broker_open_connections",
                "Connections, those included that have not said hello.",
                Double(metrics.connections)
            ),
            Self.counter(
                "agent_broker_connections_refused_total",
                "Connections that were not taken.",
                Double(metrics.connectionsRefused)
            ),
            Self.counter(
                "agent_broker_connections_displaced_total",
                "Connections without a valid token that had to go for a newer one.",
                Double(metrics.connectionsDisplaced)
            ),
            Self.counter(
                "agent_broker_auth_failures_total",
                "Tokens that are not known.",
                Double(metrics.authFailures)
            ),
        ]
    }

    private var limits: [MetricFamily] {
        var used = MetricFamily("agent_broker_shared_limit_used", .gauge, "How much is used of what all orgs share.")
        var allowed = MetricFamily("agent_broker_shared_limit_allowed", .gauge, "What all orgs together may use.")
        for limit in metrics.limits {
            used.add(Double(limit.used), [MetricFamily.Label("limit", limit.name)])
            allowed.add(Double(limit.allowed), [MetricFamily.Label("limit", limit.name)])
        }
        return [used, allowed]
    }

    /// By the names that Prometheus has for every process.
    private var process: [MetricFamily] {
        let process = metrics.process
        return [
            Self.gauge("process_open_fds", "Open descriptors.", Double(process.openDescriptors)),
            Self.gauge("process_max_fds", "Descriptors that may be open.", Double(process.maximumDescriptors)),
            Self.gauge("process_resident_memory_bytes", "Resident memory.", Double(process.residentBytes)),
            Self.gauge("process_virtual_memory_bytes", "Virtual memory.", Double(process.virtualBytes)),
            Self.gauge("process_threads", "Threads.", Double(process.threads)),
            Self.counter(
                "process_cpu_seconds_total",
                "Processor time of the broker, without its commands.",
                process.processorTime.inSeconds
            ),
        ]
    }

    private static func gauge(_ name: String, _ help: String, _ value: Double) -> MetricFamily {
        single(name, .gauge, help, value)
    }

    private static func counter(_ name: String, _ help: String, _ value: Double) -> MetricFamily {
        single(name, .counter, help, value)
    }

    private static func single(
        _ name: String,
        _ kind: MetricFamily.Kind,
        _ help: String,
        _ value: Double
    ) -> MetricFamily {
        var family = MetricFamily(name, kind, help)
        family.add(value)
        return family
    }
}

extension Duration {
    var inSeconds: Double { self / .seconds(1) }
}
