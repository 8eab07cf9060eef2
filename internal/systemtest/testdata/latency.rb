# The time that a command takes with Ruby's net/imap, which sends each in several
# small writes.
require "net/imap"

port, user, password = ARGV
imap = Net::IMAP.new("127.0.0.1", port: port.to_i)
imap.login(user, password)
n = 50
from = Process.clock_gettime(Process::CLOCK_MONOTONIC)
n.times { imap.noop }
took = Process.clock_gettime(Process::CLOCK_MONOTONIC) - from
puts format("net/imap NOOP\t%.3f", took * 1000 / n)
imap.logout
