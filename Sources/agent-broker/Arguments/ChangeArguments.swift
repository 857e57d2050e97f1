import ArgumentParser
import BrokerClient

/// What may be said of any call that changes something.
struct ChangeArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "However often this is run with the same key within ten minutes, it is done once.",
            valueName: "key"
        )
    )
    var idempotencyKey: String?

    var options: BrokerCallOptions { BrokerCallOptions(idempotencyKey: idempotencyKey ?? "") }
}
