/// Hands each record, one after the other, to somebody who may take their time.
struct EachRecordSink: LogSink {
    let take: @Sendable (OperationRecord) -> Void
    /// So many went missing here.
    let miss: @Sendable (UInt64) -> Void

    mutating func write(_ batch: RecordBatch<OperationRecord>, _ patience: SinkPatience) -> Missed {
        if batch.missingBefore > 0 { miss(batch.missingBefore) }
        for record in batch.records { take(record) }
        if batch.missingAfter > 0 { miss(batch.missingAfter) }
        return Missed()
    }

    mutating func close() {}
}
