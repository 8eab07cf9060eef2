//go:build !linux

package textproto

import "errors"

func setQuickAck(uintptr) error { return errors.ErrUnsupported }
