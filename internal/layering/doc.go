// Package layering tests the structure of the project: which package may import
// which, what an importer of one package pulls in, and that the documents in
// the root folder agree with the code.
package layering
