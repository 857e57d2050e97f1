/// The leases that are out, by slot and generation.
struct LeaseTable {
    struct Record {
        /// The generation that the next or the present lease of this slot has. Never 0.
        var generation: UInt32
        /// Index of the entry's slot, or `vacant`.
        var entry: Int32
        /// The entry slot's generation when the lease began.
        var entryGeneration: UInt32
        /// While vacant: the next vacant slot, or `none`.
        var nextVacant: UInt32 = Self.none
        var since: Duration

        static let vacant: Int32 = -1
        static let none = UInt32.max
    }

    private var records: [Record] = []
    private let firstGeneration: UInt32
    /// The slot given back last, which the next lease gets: it is in the cache.
    private var firstVacant = Record.none

    /// `firstGeneration` is that of each slot's first lease.
    init(firstGeneration: UInt32 = 1) {
        self.firstGeneration = firstGeneration
    }

    mutating func begin(entry: Int, generation: UInt32, at now: Duration) -> LeaseID {
        let slot = firstVacant
        guard slot != Record.none else {
            records.append(
                Record(generation: firstGeneration, entry: Int32(entry), entryGeneration: generation, since: now)
            )
            return LeaseID(slot: UInt32(records.count - 1), generation: firstGeneration)
        }
        let record = records[Int(slot)]
        firstVacant = record.nextVacant
        records[Int(slot)] = Record(
            generation: record.generation,
            entry: Int32(entry),
            entryGeneration: generation,
            since: now
        )
        return LeaseID(slot: slot, generation: record.generation)
    }

    /// The record of a lease that has not been released. nil for any other id.
    func record(of id: LeaseID) -> Record? {
        let slot = Int(id.slot)
        guard slot < records.count, records[slot].entry != Record.vacant, records[slot].generation == id.generation
        else { return nil }
        return records[slot]
    }

    /// Frees the slot of a lease that `record(of:)` knows.
    mutating func end(_ id: LeaseID) {
        let slot = Int(id.slot)
        records[slot].entry = Record.vacant
        // After the last generation the slot is given up, so that no old id can ever become valid.
        guard id.generation < .max else { return }
        records[slot].generation = id.generation + 1
        records[slot].nextVacant = firstVacant
        firstVacant = id.slot
    }
}
