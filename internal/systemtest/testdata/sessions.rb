# Two sessions of Ruby's net/imap on one mailbox, one of which expunges.
#
# usage: sessions.rb PORT CERT PASSWORD

require "net/imap"

PORT, CERT, PASSWORD = ARGV

def check(condition, what)
  abort "FAIL: #{what}" unless condition
end

def login
  m = Net::IMAP.new("127.0.0.1", port: PORT.to_i, ssl: { ca_file: CERT })
  m.login("bob@example.org", PASSWORD)
  m
end

one, two = login, login

# net/imap before 0.4 raises an error where a mailbox has no quota roots.
root, quota = one.getquotaroot("INBOX")
check(root.mailbox == "INBOX" && root.quotaroots == ["account"], root.inspect)
check(quota.usage == "0" && quota.quota == "1024", quota.inspect)

6.times { |i| one.append("INBOX", "Subject: #{i}\r\n\r\nbody\r\n") }
one.select("INBOX")
check(one.responses["RECENT"].last == 6, "RECENT")
two.select("INBOX")
two.store(2..3, "+FLAGS.SILENT", [:Deleted])
two.expunge

# What is gone is left out, and nothing fails.
check(one.fetch(1..6, "UID").map(&:seqno) == [1, 4, 5, 6], "FETCH")
check((one.fetch(2, "BODY[]") || []).empty?, "FETCH of what is gone")
check(one.store(1..3, "+FLAGS", [:Flagged]).map(&:seqno) == [1], "STORE")
check(one.search(["ALL"]) == [1, 4, 5, 6], "SEARCH")
begin
  one.copy(1..3, "INBOX")
  check(false, "COPY of what is gone")
rescue Net::IMAP::NoResponseError => e
  check(e.response.data.code.name == "EXPUNGEISSUED", e.inspect)
end
check(one.responses["EXPUNGE"] == [2, 2], "EXPUNGE with COPY")
check(one.responses["RECENT"].last == 4, "RECENT after EXPUNGE")
one.copy(1..2, "INBOX")
one.logout
two.logout
puts "ok"
