internal import CBrokerProtos
internal import CProtobufC

/// Owns the memory that messages are unpacked into and packed from; see `arena.h`. One per codec, used by one
/// thread at a time. Pointers into it are good until the next `reset`, and never leave this module.
struct WireArena: ~Copyable {
    private let arena: UnsafeMutablePointer<wire_arena>

    init() {
        guard let arena = wire_arena_create() else {
            preconditionFailure("out of memory")
        }
        self.arena = arena
    }

    deinit {
        wire_arena_destroy(arena)
    }

    var allocator: UnsafeMutablePointer<ProtobufCAllocator> {
        UnsafeMutableRawPointer(arena).assumingMemoryBound(to: ProtobufCAllocator.self)
    }

    func reset(budget: Int) {
        wire_arena_reset(arena, budget)
    }

    /// Gives back all memory but the little that is kept for the next message.
    func empty() {
        wire_arena_reset(arena, 0)
    }

    /// Bytes of memory, used or not.
    var heldBytes: Int { wire_arena_held(arena) }
}

/// What the mappings use to make C messages. The arena behind it has no budget.
struct MessageBuilder {
    let allocator: UnsafeMutablePointer<ProtobufCAllocator>

    func make<Message>(
        _ initialize: (UnsafeMutablePointer<Message>?) -> Void
    ) -> UnsafeMutablePointer<Message> {
        let message = allocate(Message.self, count: 1)
        initialize(message)
        return message
    }

    func bytes(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        guard !bytes.isEmpty else { return ProtobufCBinaryData() }
        let copy = allocate(UInt8.self, count: bytes.count)
        copy.initialize(from: bytes, count: bytes.count)
        return ProtobufCBinaryData(len: bytes.count, data: copy)
    }

    /// Up to the first NUL: what is ours holds none.
    func string(_ text: String) -> UnsafeMutablePointer<CChar> {
        var text = text
        return text.withUTF8 { utf8 in
            let copy = allocate(UInt8.self, count: utf8.count + 1)
            if let start = utf8.baseAddress { copy.initialize(from: start, count: utf8.count) }
            copy[utf8.count] = 0
            return UnsafeMutableRawPointer(copy).assumingMemoryBound(to: CChar.self)
        }
    }

    /// An array of `Element`, as protobuf-c has repeated fields.
    func array<Source, Element>(
        _ elements: [Source],
        _ transform: (Source) -> Element
    ) -> UnsafeMutablePointer<Element>? {
        guard !elements.isEmpty else { return nil }
        let array = allocate(Element.self, count: elements.count)
        // Of an array each element would be copied first.
        let span = elements.span
        for index in span.indices { (array + index).initialize(to: transform(span[index])) }
        return array
    }

    private func allocate<Value>(_ type: Value.Type, count: Int) -> UnsafeMutablePointer<Value> {
        guard let memory = allocator.pointee.alloc(allocator.pointee.allocator_data, MemoryLayout<Value>.stride * count)
        else {
            preconditionFailure("out of memory")
        }
        return memory.bindMemory(to: Value.self, capacity: count)
    }
}
