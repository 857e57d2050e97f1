/// The leases that are out, by slot and generation.
struct LeaseTable {
    struct Record {
        /// The generation that the next or the present lease of this slot has. Never 0.
        var generation: UInt32 = 1
        /// Index of the entry's slot; -1 while no lease is out.
        var entry: Int32 = -1
        /// The entry slot's generation when the lease began.
        var entryGeneration: UInt32 = 0
        var since: Duration = .zero
    }

    private var records: [Record] = []
    private var vacant: [UInt32] = []

    mutating func begin(entry: Int, generation: UInt32, at now: Duration) -> LeaseID {
        if let slot = vacant.popLast() {
            let leaseGeneration = records[Int(slot)].generation
            records[Int(slot)] = Record(
                generation: leaseGeneration,
                entry: Int32(entry),
                entryGeneration: generation,
                since: now
            )
            return LeaseID(slot: slot, generation: leaseGeneration)
        }
        records.append(Record(entry: Int32(entry), entryGeneration: generation, since: now))
        return LeaseID(slot: UInt32(records.count - 1), generation: 1)
    }

    /// The record of a lease that has not been released. nil for any other id.
    func record(of id: LeaseID) -> Record? {
        let slot = Int(id.slot)
        guard slot < records.count, records[slot].entry >= 0, records[slot].generation == id.generation else {
            return nil
        }
        return records[slot]
    }

    /// Frees the slot of a lease that `record(of:)` knows.
    mutating func end(_ id: LeaseID) {
        let slot = Int(id.slot)
        records[slot].entry = -1
        // After the last generation the slot is given up, so that no old id can ever become valid.
        guard id.generation < .max else { return }
        records[slot].generation = id.generation + 1
        vacant.append(id.slot)
    }
}
