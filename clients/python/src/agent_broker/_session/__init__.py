"""A conversation with a broker, without input, output, clock or loop: plain classes that are driven from outside."""
