import Testing

@testable import BrokerServer

@Suite struct HeapTests {
    @Test func whatLayIdleFromOneLookToTheNextIsGivenBack() {
        let (little, much) = (HeapTrimming.worthwhile - 1, HeapTrimming.worthwhile)
        var heap = HeapTrimming()
        let answers = [much, little, much, much, much, much, little, little].map { heap.looked(unused: $0) }
        #expect(answers == [false, false, false, true, false, true, false, false])
    }
}
