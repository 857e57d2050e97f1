import CBrokerProtos
import CProtobufC
import NIOCore
import Testing

@testable import BrokerWire

/// A frame is packed and unpacked by a descriptor that knows its own body only: the bytes are those of the generated one.
@Suite struct FrameViewsTests {
    /// Unpacked by the generated code, and packed by it again.
    private func repacked<Frame>(
        _ message: ByteBuffer,
        unpack: (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) -> UnsafeMutablePointer<Frame>?,
        size: (UnsafePointer<Frame>?) -> Int,
        pack: (UnsafePointer<Frame>?, UnsafeMutablePointer<UInt8>?) -> Int
    ) throws -> [UInt8] {
        let arena = WireArena()
        arena.reset(budget: .max)
        let frame = try #require(
            message.array.withUnsafeBufferPointer { unpack(arena.allocator, $0.count, $0.baseAddress) }
        )
        return [UInt8](unsafeUninitializedCapacity: size(frame)) { bytes, count in
            count = pack(frame, bytes.baseAddress)
        }
    }

    @Test func aClientsFramesAreThoseOfTheGeneratedCode() throws {
        for (name, frame) in try Samples.client() {
            let bytes = message(of: frame)
            let generated = try repacked(
                bytes,
                unpack: agentbroker__v1__client_frame__unpack,
                size: agentbroker__v1__client_frame__get_packed_size,
                pack: agentbroker__v1__client_frame__pack
            )
            #expect(bytes.array == generated, "\(name)")
        }
    }

    @Test func aBrokersFramesAreThoseOfTheGeneratedCode() throws {
        for (name, frame) in try Samples.server() {
            let bytes = message(of: frame)
            let generated = try repacked(
                bytes,
                unpack: agentbroker__v1__server_frame__unpack,
                size: agentbroker__v1__server_frame__get_packed_size,
                pack: agentbroker__v1__server_frame__pack
            )
            #expect(bytes.array == generated, "\(name)")
        }
    }

    /// Each body has a view, in which nothing is looked for but it and what all frames have.
    @Test func aViewKnowsOneBody() throws {
        var frame = Agentbroker__V1__ClientFrame()
        agentbroker__v1__client_frame__init(&frame)
        let whole = try #require(frame.base.descriptor).pointee
        let common = (0..<Int(whole.n_fields)).filter { whole.fields[$0].id < 16 || whole.fields[$0].id == 2047 }
        for index in 0..<Int(whole.n_fields) where !common.contains(index) {
            FrameViews.client.narrow(&frame.base, toBody: whole.fields[index].id)
            let view = try #require(frame.base.descriptor).pointee
            #expect(Int(view.n_fields) == common.count + 1)
            for number in (0..<Int(view.n_fields)).map({ view.fields[$0].id }) {
                let found = protobuf_c_message_descriptor_get_field(frame.base.descriptor, number)
                #expect(found?.pointee.id == number)
            }
            let other = whole.fields[common.contains(index - 1) ? index + 1 : index - 1].id
            #expect(protobuf_c_message_descriptor_get_field(frame.base.descriptor, other) == nil)
        }
        FrameViews.client.narrow(&frame.base, toBody: 999)
        #expect(frame.base.descriptor?.pointee.n_fields == whole.n_fields)
    }
}
