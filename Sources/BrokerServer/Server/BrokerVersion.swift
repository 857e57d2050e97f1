/// What the broker and its command say of themselves.
package enum BrokerVersion {
    package static let current = "0.1.0"
}
