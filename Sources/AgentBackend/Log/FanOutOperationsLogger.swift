/// Gives each record to several loggers, in their order.
public struct FanOutOperationsLogger: OperationsLogger {
    private let loggers: [any OperationsLogger]

    public init(_ loggers: [any OperationsLogger]) {
        self.loggers = loggers
    }

    public func record(_ record: OperationRecord) {
        for logger in loggers { logger.record(record) }
    }
}
