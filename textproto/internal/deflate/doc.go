// Package deflate compresses and decompresses the stream of a connection
// (RFC 1951, RFC 4978).
package deflate
