// Package peers runs other mail software for tests: servers for the clients of
// this module to talk to, and clients of its servers. Each runs with a
// configuration, a spool and ports of its own, on loopback, and ends with the
// test.
//
// Programs are looked for in the folder that the environment variable
// POSTHORN_PEERS names (by default posthorn-peers in the user's cache folder)
// and then in the system. The folder holds what cannot be installed side by
// side: unpacked Debian packages in root, and Node.js packages in
// npm/node_modules. .ci/run fills it.
//
// A test whose program is missing is skipped; where the environment variable CI
// is set, it fails.
package peers
