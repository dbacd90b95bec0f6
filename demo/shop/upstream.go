package shop

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

// maxAnswer bounds what is read of another service's answer.
const maxAnswer = 1 << 20

// ask sends a request to the service of another host. The error says that there was no answer.
func (s *service) ask(ctx context.Context, host, method, path, body string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.plan.Address(host)+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("User-Agent", s.host.Service+"/"+s.host.Version)
	res, err := s.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer{}, err
	}
	return answer{res.StatusCode, string(raw)}, nil
}

// unreachable reports whether the request did not arrive, so that another service may be asked.
func unreachable(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "dial"
}

// late reports whether the answer did not come in time.
func late(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err)
}
