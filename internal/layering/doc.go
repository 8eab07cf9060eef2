// Package layering holds the tests that keep the structure of the project: which
// package may import which, and what an importer of one package pulls in.
package layering
