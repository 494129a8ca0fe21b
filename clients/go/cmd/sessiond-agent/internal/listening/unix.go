package listening

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Whoever is to call through the socket enters by the group.
const parentMode = 0o750

// socket is a Unix socket that nobody else listens on, as long as its lock is held.
type socket struct {
	net.Listener
	lock *os.File
}

// listenUnix binds a path, of which it holds the lock: binding would silently steal a live server's socket. A
// parent directory that is missing is made, for this user and its group.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if err := makeParent(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	bound, err := bind(path, mode, lock)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &socket{bound, lock}, nil
}

func bind(path string, mode fs.FileMode, lock *os.File) (net.Listener, error) {
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("unix:%s is in use by another sessiond", path)
	}
	if probe, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = probe.Close()
		return nil, fmt.Errorf("unix:%s is in use by another server", path)
	}
	if found, err := os.Lstat(path); err == nil && found.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is there already, and is no socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// A socket is nobody else's before it has its mode.
	former := syscall.Umask(0o077)
	bound, err := net.Listen("unix", path)
	syscall.Umask(former)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		_ = bound.Close()
		return nil, err
	}
	return bound, nil
}

// Close ends it, and lets others listen there.
func (s *socket) Close() error {
	err := s.Listener.Close()
	_ = s.lock.Close()
	return err
}

func makeParent(parent string) error {
	if err := os.Mkdir(parent, parentMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the directory of the socket: %w", err)
	}
	found, err := os.Stat(parent)
	if err != nil {
		return fmt.Errorf("the directory of the socket: %w", err)
	}
	owner := int(found.Sys().(*syscall.Stat_t).Uid)
	if owner != os.Geteuid() && owner != 0 {
		return fmt.Errorf("the directory %s of the socket belongs to user %d: allowed are this user and root",
			parent, owner)
	}
	if found.Mode()&0o002 != 0 {
		return fmt.Errorf(
			"the directory %s of the socket can be written by anyone: use a directory of your own", parent)
	}
	return nil
}
