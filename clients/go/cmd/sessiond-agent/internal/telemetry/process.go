package telemetry

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is in what the kernel tells programs of processor time, on every machine that Go runs on.
const ticksPerSecond = 100

var began = time.Now()

// Process shows which program this is and, where there is a /proc, what it takes.
func (t *Telemetry) Process(version string) {
	t.build = "version=" + strconv.Quote(version) + ",go=" + strconv.Quote(runtime.Version())
	t.Gauge("process_start_time_seconds", "When this process began, since 1970.", func() float64 {
		return float64(began.UnixMilli()) / 1000
	})
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		return
	}
	t.Counter("process_cpu_seconds_total", "Processor time that was taken.", processorTime)
	t.Gauge("process_resident_memory_bytes", "Memory that is resident.", residentBytes)
	t.Gauge("process_open_fds", "Descriptors that are open.", openDescriptors)
	t.Gauge("process_max_fds", "Descriptors that may be open.", mostDescriptors)
}

// processorTime are the fields utime and stime, behind the name in parentheses, which may hold anything.
func processorTime() float64 {
	text, _ := os.ReadFile("/proc/self/stat")
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	return (number(string(fields[11])) + number(string(fields[12]))) / ticksPerSecond
}

func residentBytes() float64 {
	text, _ := os.ReadFile("/proc/self/statm")
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	return number(string(fields[1])) * float64(os.Getpagesize())
}

// openDescriptors leaves out the one that this look takes.
func openDescriptors() float64 {
	found, _ := os.ReadDir("/proc/self/fd")
	return float64(max(0, len(found)-1))
}

func mostDescriptors() float64 {
	text, _ := os.ReadFile("/proc/self/limits")
	_, behind, _ := strings.Cut(string(text), "Max open files")
	if fields := strings.Fields(behind); len(fields) > 0 {
		return number(fields[0])
	}
	return 0
}

// number is none for what is no number, such as `unlimited`.
func number(text string) float64 {
	value, _ := strconv.ParseFloat(text, 64)
	return value
}
