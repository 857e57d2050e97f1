// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .treatAllWarnings(as: .error),
]

let cSettings: [CSetting] = [
    .enableWarning("all"),
    .enableWarning("extra"),
    .treatAllWarnings(as: .error),
]

/// Set by Tests/Fuzz/run: the targets under test count which code an input reaches, and the fuzzer is built.
let isFuzzing = Context.environment["AGENT_BROKER_FUZZ"] != nil
let fuzzedSwiftSettings = swiftSettings + (isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer"])] : [])

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let collections: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let instrumentation: Target.Dependency = .product(name: "Instrumentation", package: "swift-distributed-tracing")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let inMemoryTracing: Target.Dependency = .product(name: "InMemoryTracing", package: "swift-distributed-tracing")

let package = Package(
    name: "agent-broker",
    products: [
        .library(name: "AgentBackend", targets: ["AgentBackend"]),
        .library(name: "LocalBackend", targets: ["LocalBackend"]),
        .library(name: "BackendPool", targets: ["BackendPool"]),
        .library(name: "BrokerClient", targets: ["BrokerClient"]),
        .executable(name: "agent-broker", targets: ["agent-broker"]),
        .executable(name: "loadtest", targets: ["loadtest"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
    ],
    targets: [
        // C, each behind one Swift module.
        .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
        .target(
            name: "CBrokerProtos",
            dependencies: ["CProtobufC"],
            cSettings: isFuzzing ? [.unsafeFlags(["-fsanitize=fuzzer-no-link"])] : []
        ),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .target(name: "CArchive", cSettings: cSettings, linkerSettings: [.linkedLibrary("archive")]),
        .target(name: "CLinux", cSettings: cSettings),

        .target(
            name: "AgentBackend",
            dependencies: ["CArchive", "CLinux", "CPCRE2", nioCore, collections, logging, crypto],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "Sandbox",
            dependencies: ["AgentBackend", "CLinux", nioCore, nioPosix, collections],
            swiftSettings: swiftSettings,
            plugins: ["EmbedSandboxAgent"]
        ),
        // The first process of every sandbox, Sources/sandbox-agent: C without Swift, linked statically.
        .plugin(name: "EmbedSandboxAgent", capability: .buildTool(), path: "Sources/EmbedSandboxAgent"),
        .target(
            name: "LocalBackend",
            dependencies: ["AgentBackend", "Sandbox", "CLinux", nioCore, nioPosix, collections],
            swiftSettings: swiftSettings
        ),
        .target(name: "BackendPool", dependencies: ["AgentBackend"], swiftSettings: swiftSettings),
        .target(name: "AuditLog", dependencies: ["AgentBackend", crypto], swiftSettings: swiftSettings),
        .target(
            name: "BrokerWire",
            dependencies: ["AgentBackend", "CBrokerProtos", "CProtobufC", nioCore],
            swiftSettings: fuzzedSwiftSettings
        ),
        // By itself, so that the fuzzed wire is built without swift-nio-ssl.
        .target(name: "SharedTLS", dependencies: ["AgentBackend", nioSSL], swiftSettings: swiftSettings),
        .target(
            name: "BrokerServer",
            dependencies: [
                "AgentBackend", "AuditLog", "BackendPool", "BrokerWire", "LocalBackend", "Sandbox", "SharedTLS",
                "CLinux", nioCore, nioPosix, nioSSL, nioTLS, collections, logging, crypto, "Yams",
                instrumentation, tracing,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "BrokerClient",
            dependencies: [
                "AgentBackend", "BrokerWire", "SharedTLS", nioCore, nioPosix, nioSSL, collections, instrumentation,
            ],
            swiftSettings: swiftSettings
        ),
        // What a model may have done, over any backend.
        .target(
            name: "ModelContextProtocol",
            dependencies: ["AgentBackend", nioCore],
            swiftSettings: swiftSettings
        ),
        // Where swift-metrics counts, and the text that Prometheus scrapes.
        .target(name: "PrometheusMetrics", dependencies: [metrics], swiftSettings: swiftSettings),
        .target(
            name: "BrokerHTTP",
            dependencies: [
                "ModelContextProtocol", "AgentBackend", "BackendPool", "BrokerClient", "BrokerServer", "BrokerWire",
                "PrometheusMetrics", nioCore, nioPosix, nioSSL, collections, logging, crypto, metrics,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            exclude: ["Dashboard/Assets"],
            swiftSettings: swiftSettings,
            plugins: ["EmbedDashboard"]
        ),
        .plugin(name: "EmbedDashboard", capability: .buildTool(), path: "Sources/EmbedDashboard"),
        .target(
            name: "BrokerTestKit",
            dependencies: [
                "AgentBackend", "BackendPool", "BrokerClient", "BrokerServer", "BrokerWire", "CLinux", nioCore,
                nioPosix,
                logging, tracing, .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "agent-broker",
            dependencies: [
                "AgentBackend", "AuditLog", "BrokerClient", "BrokerHTTP", "BrokerServer", "BrokerWire", "CLinux",
                "LocalBackend", "ModelContextProtocol", nioCore, nioPosix, logging, metrics,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Operations/dashboard.json"), .embedInCode("Operations/alerts.yml")],
            swiftSettings: swiftSettings
        ),

        .executableTarget(
            name: "loadtest",
            dependencies: [
                "AgentBackend", "BrokerClient", "CLinux", nioCore, nioPosix, crypto, "Yams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            path: "loadtest",
            exclude: ["Benchmarks", "demo", "limits", "peers", "pool", "scenarios", "torture"],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "pool-load",
            dependencies: [
                "AgentBackend", "BackendPool", "CLinux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "loadtest/pool",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "benchmark",
            dependencies: ["AgentBackend", "BackendPool", "BrokerTestKit", "BrokerWire", nioCore, nioPosix],
            path: "loadtest/Benchmarks",
            exclude: ["check", "thresholds"],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "limit-echo",
            dependencies: ["CBrokerProtos", "CProtobufC"],
            path: "loadtest/limits/echo",
            cSettings: cSettings
        ),

        .executableTarget(
            name: "limit-exec",
            path: "loadtest/limits/exec",
            cSettings: cSettings
        ),

        .target(
            name: "WireFuzzing",
            dependencies: ["AgentBackend", "BrokerWire", nioCore],
            path: "Tests/WireFuzzing",
            swiftSettings: fuzzedSwiftSettings
        ),
        .testTarget(
            name: "AgentBackendTests",
            dependencies: ["AgentBackend", nioCore],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "AuditLogTests",
            dependencies: ["AuditLog", "AgentBackend"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "BackendPoolTests",
            dependencies: ["BackendPool", "AgentBackend", "BrokerTestKit", nioCore],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "SandboxTests",
            dependencies: ["Sandbox", "AgentBackend", "CLinux", nioCore],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "BrokerServerTests",
            dependencies: [
                "BrokerServer", "AgentBackend", "AuditLog", "LocalBackend", "BrokerWire", "BrokerTestKit", "CLinux",
                nioCore, nioEmbedded, nioPosix, logging, instrumentation, tracing, inMemoryTracing,
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "BrokerWireTests",
            dependencies: ["BrokerWire", "AgentBackend", "CBrokerProtos", "CProtobufC", "WireFuzzing", nioCore],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LocalBackendTests",
            dependencies: ["LocalBackend", "AgentBackend", "CLinux", nioCore],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "BrokerClientTests",
            dependencies: [
                "BrokerClient", "BrokerServer", "BrokerWire", "AgentBackend", "BrokerTestKit", nioCore, nioPosix,
                nioEmbedded, instrumentation, tracing,
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "ModelContextProtocolTests",
            dependencies: ["ModelContextProtocol", "AgentBackend", nioCore],
            exclude: ["server-filesystem.json"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "PrometheusMetricsTests",
            dependencies: ["PrometheusMetrics", metrics],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "BrokerHTTPTests",
            dependencies: [
                "BrokerHTTP", "BrokerServer", "BrokerTestKit", "BrokerWire", "ModelContextProtocol", "AgentBackend",
                "BrokerClient", nioCore, nioPosix,
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "BackendConformanceTests",
            dependencies: ["AgentBackend", "BrokerClient", "BrokerTestKit", "LocalBackend", nioCore],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "AgentBrokerTests",
            dependencies: ["agent-broker", "AgentBackend", "BrokerClient", "BrokerWire", nioCore],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "BrokerClient", "BrokerServer", "BrokerTestKit", "BrokerWire", "AgentBackend", "AuditLog", "CLinux",
                "WireFuzzing", "agent-broker", "limit-echo", nioCore,
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "SeedExampleTests",
            dependencies: [
                "AgentBackend", "BackendPool", "BrokerClient", "BrokerTestKit", "LocalBackend", nioCore,
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(name: "LoadTestTests", dependencies: ["loadtest", nioCore], swiftSettings: swiftSettings),
    ]
)

if isFuzzing {
    package.targets.append(
        .executableTarget(
            name: "fuzz-wire",
            dependencies: ["WireFuzzing"],
            path: "Tests/Fuzz",
            exclude: ["run"],
            swiftSettings: swiftSettings,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]
        )
    )
}
