import Testing

/// What needs real sockets, processes, files and programs. One test at a time: together they would only take longer.
@Suite(.serialized)
struct IntegrationTests {}
