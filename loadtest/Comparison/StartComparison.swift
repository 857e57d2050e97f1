/// The first half of row P13: how soon a broker that is started answers.
struct StartComparison {
    let broker: BrokerSetup
    let limit: ServerStart

    var scenario: Comparison.Scenario {
        let again = StartLoad(name: "broker", server: broker.start)
        let anew = StartLoad(name: "broker, new root", server: broker.start) { broker.removeRoot() }
        return Comparison.Scenario(
            load: "start to first answer",
            contestants: [again, anew, StartLoad(name: limit.name, server: limit)],
            questions: [again.name, anew.name].flatMap { name in
                [
                    Comparison.Question(
                        row: "P13",
                        measure: .p50Milliseconds,
                        subject: name,
                        form: .value,
                        target: .atMost(60)
                    ),
                    Comparison.Question(measure: .p99Milliseconds, subject: name, form: .value),
                    Comparison.Question(measure: .p50Milliseconds, subject: name, baseline: limit.name),
                ]
            }
        )
    }
}
