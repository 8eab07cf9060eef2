// Package count counts the work of code that package growth has instrumented: a
// step for each function and each turn of a loop, and one for each octet that a
// function of the standard library looks at or copies on its behalf.
//
// The functions are those of strings, bytes, slices and utf8 whose time grows with
// their arguments. Each is named after its package and itself.
package count

import (
	"bytes"
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Steps is the count. One goroutine at a time may be counted.
var Steps int64

// found counts a search from the left of n octets that has found place i.
func found(i, n int) int {
	if i < 0 {
		Steps += int64(n) + 1
	} else {
		Steps += int64(i) + 1
	}
	return i
}

// foundLast counts a search from the right.
func foundLast(i, n int) int {
	Steps += int64(n - i)
	return i
}

// all counts a call that looks at all of n octets.
func all[T any](n int, v T) T {
	Steps += int64(n) + 1
	return v
}

// cut counts a call that removes octets at the ends of n.
func cut[T string | []byte](n int, v T) T {
	Steps += int64(n-len(v)) + 1
	return v
}

// Copied counts a copy of n elements.
func Copied(n int) int { return all(n, n) }

// Spread counts the elements of a slice or string that is appended to another.
func Spread[T any](v T) T { return all(reflect.ValueOf(v).Len(), v) }

func StringsIndex(s, x string) int              { return found(strings.Index(s, x), len(s)) }
func StringsIndexByte(s string, c byte) int     { return found(strings.IndexByte(s, c), len(s)) }
func StringsIndexRune(s string, r rune) int     { return found(strings.IndexRune(s, r), len(s)) }
func StringsIndexAny(s, x string) int           { return found(strings.IndexAny(s, x), len(s)) }
func StringsLastIndex(s, x string) int          { return foundLast(strings.LastIndex(s, x), len(s)) }
func StringsContains(s, x string) bool          { return StringsIndex(s, x) >= 0 }
func StringsContainsAny(s, x string) bool       { return StringsIndexAny(s, x) >= 0 }
func StringsContainsRune(s string, r rune) bool { return StringsIndexRune(s, r) >= 0 }
func StringsCount(s, x string) int              { return all(len(s), strings.Count(s, x)) }
func StringsEqualFold(s, t string) bool         { return all(min(len(s), len(t)), strings.EqualFold(s, t)) }
func StringsHasPrefix(s, x string) bool         { return all(min(len(s), len(x)), strings.HasPrefix(s, x)) }
func StringsHasSuffix(s, x string) bool         { return all(min(len(s), len(x)), strings.HasSuffix(s, x)) }
func StringsFields(s string) []string           { return all(len(s), strings.Fields(s)) }
func StringsSplit(s, x string) []string         { return all(len(s), strings.Split(s, x)) }
func StringsSplitN(s, x string, n int) []string { return all(len(s), strings.SplitN(s, x, n)) }
func StringsToLower(s string) string            { return all(len(s), strings.ToLower(s)) }
func StringsToUpper(s string) string            { return all(len(s), strings.ToUpper(s)) }
func StringsTrim(s, x string) string            { return cut(len(s), strings.Trim(s, x)) }
func StringsTrimLeft(s, x string) string        { return cut(len(s), strings.TrimLeft(s, x)) }
func StringsTrimRight(s, x string) string       { return cut(len(s), strings.TrimRight(s, x)) }
func StringsTrimSpace(s string) string          { return cut(len(s), strings.TrimSpace(s)) }
func StringsClone(s string) string              { return all(len(s), strings.Clone(s)) }
func StringsReplaceAll(s, x, y string) string   { return all(len(s), strings.ReplaceAll(s, x, y)) }
func StringsReplace(s, x, y string, n int) string {
	return all(len(s), strings.Replace(s, x, y, n))
}
func StringsFieldsFunc(s string, f func(rune) bool) []string {
	return all(len(s), strings.FieldsFunc(s, f))
}
func StringsMap(f func(rune) rune, s string) string { return all(len(s), strings.Map(f, s)) }
func StringsLastIndexByte(s string, c byte) int {
	return foundLast(strings.LastIndexByte(s, c), len(s))
}
func StringsIndexFunc(s string, f func(rune) bool) int {
	return found(strings.IndexFunc(s, f), len(s))
}
func StringsJoin(list []string, sep string) string {
	s := strings.Join(list, sep)
	return all(len(s), s)
}
func StringsCut(s, sep string) (before, after string, ok bool) {
	before, after, ok = strings.Cut(s, sep)
	all(len(before), 0)
	return before, after, ok
}

func BytesIndex(b, x []byte) int               { return found(bytes.Index(b, x), len(b)) }
func BytesIndexByte(b []byte, c byte) int      { return found(bytes.IndexByte(b, c), len(b)) }
func BytesIndexAny(b []byte, x string) int     { return found(bytes.IndexAny(b, x), len(b)) }
func BytesLastIndex(b, x []byte) int           { return foundLast(bytes.LastIndex(b, x), len(b)) }
func BytesContains(b, x []byte) bool           { return BytesIndex(b, x) >= 0 }
func BytesContainsAny(b []byte, x string) bool { return BytesIndexAny(b, x) >= 0 }
func BytesCount(b, x []byte) int               { return all(len(b), bytes.Count(b, x)) }
func BytesEqual(a, b []byte) bool              { return all(min(len(a), len(b)), bytes.Equal(a, b)) }
func BytesEqualFold(a, b []byte) bool          { return all(min(len(a), len(b)), bytes.EqualFold(a, b)) }
func BytesHasPrefix(b, x []byte) bool          { return all(min(len(b), len(x)), bytes.HasPrefix(b, x)) }
func BytesHasSuffix(b, x []byte) bool          { return all(min(len(b), len(x)), bytes.HasSuffix(b, x)) }
func BytesFields(b []byte) [][]byte            { return all(len(b), bytes.Fields(b)) }
func BytesSplit(b, x []byte) [][]byte          { return all(len(b), bytes.Split(b, x)) }
func BytesToLower(b []byte) []byte             { return all(len(b), bytes.ToLower(b)) }
func BytesToUpper(b []byte) []byte             { return all(len(b), bytes.ToUpper(b)) }
func BytesClone(b []byte) []byte               { return all(len(b), bytes.Clone(b)) }
func BytesTrim(b []byte, x string) []byte      { return cut(len(b), bytes.Trim(b, x)) }
func BytesTrimLeft(b []byte, x string) []byte  { return cut(len(b), bytes.TrimLeft(b, x)) }
func BytesTrimRight(b []byte, x string) []byte { return cut(len(b), bytes.TrimRight(b, x)) }
func BytesTrimSpace(b []byte) []byte           { return cut(len(b), bytes.TrimSpace(b)) }
func BytesLastIndexByte(b []byte, c byte) int {
	return foundLast(bytes.LastIndexByte(b, c), len(b))
}
func BytesIndexFunc(b []byte, f func(rune) bool) int {
	return found(bytes.IndexFunc(b, f), len(b))
}
func BytesCut(b, sep []byte) (before, after []byte, ok bool) {
	before, after, ok = bytes.Cut(b, sep)
	all(len(before), 0)
	return before, after, ok
}

func Utf8Valid(b []byte) bool            { return all(len(b), utf8.Valid(b)) }
func Utf8ValidString(s string) bool      { return all(len(s), utf8.ValidString(s)) }
func Utf8RuneCount(b []byte) int         { return all(len(b), utf8.RuneCount(b)) }
func Utf8RuneCountInString(s string) int { return all(len(s), utf8.RuneCountInString(s)) }

func SlicesContains[S ~[]E, E comparable](s S, v E) bool { return SlicesIndex(s, v) >= 0 }
func SlicesIndex[S ~[]E, E comparable](s S, v E) int     { return found(slices.Index(s, v), len(s)) }
func SlicesIndexFunc[S ~[]E, E any](s S, f func(E) bool) int {
	return found(slices.IndexFunc(s, f), len(s))
}
func SlicesContainsFunc[S ~[]E, E any](s S, f func(E) bool) bool {
	return SlicesIndexFunc(s, f) >= 0
}
func SlicesInsert[S ~[]E, E any](s S, i int, v ...E) S {
	return all(len(s)-i, slices.Insert(s, i, v...))
}
func SlicesDelete[S ~[]E, E any](s S, i, j int) S { return all(len(s)-i, slices.Delete(s, i, j)) }
func SlicesClone[S ~[]E, E any](s S) S            { return all(len(s), slices.Clone(s)) }
func SlicesReverse[S ~[]E, E any](s S)            { all(len(s), 0); slices.Reverse(s) }
func SlicesSort[S ~[]E, E cmp.Ordered](s S)       { all(len(s), 0); slices.Sort(s) }
func SlicesEqual[S ~[]E, E comparable](s, t S) bool {
	return all(min(len(s), len(t)), slices.Equal(s, t))
}
