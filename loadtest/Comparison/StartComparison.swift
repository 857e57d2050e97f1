/// The first half of row P13: how soon a broker that is started answers.
struct StartComparison {
    let broker: BrokerSetup
    /// Path of `limit-echo`.
    let limit: String
    /// For the output of the limit program.
    let directory: String

    var scenario: Comparison.Scenario {
        let again = "broker"
        let anew = "broker, new root"
        return Comparison.Scenario(
            load: "start to first answer",
            contestants: [load(again), load(anew) { broker.removeRoot() }, limitLoad],
            questions: [again, anew].flatMap { name in
                [
                    Comparison.Question(
                        row: "P13",
                        measure: .p50Milliseconds,
                        subject: name,
                        form: .value,
                        target: .atMost(60)
                    ),
                    Comparison.Question(measure: .p99Milliseconds, subject: name, form: .value),
                    Comparison.Question(measure: .p50Milliseconds, subject: name, baseline: limitLoad.name),
                ]
            }
        )
    }

    private func load(_ name: String, prepare: @escaping () -> Void = {}) -> StartLoad {
        StartLoad(
            name: name,
            program: broker.start,
            tokens: broker.tokens,
            endpoint: BrokerSetup.endpoint,
            prepare: prepare
        )
    }

    private var limitLoad: StartLoad {
        StartLoad(
            name: "limit",
            program: ServerProcess.limitStart(limit, named: "limit", in: directory),
            tokens: [""],
            endpoint: ServerProcess.limitEndpoint
        )
    }
}
