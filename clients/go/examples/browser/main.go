// Browser is a site whose visitors log in, with sessions in cookies.
//
//	go run ./examples/browser -sessiond 127.0.0.1:50051 -development
//	open http://localhost:8000/
//
// Without -development its cookies need https in front of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
	"github.com/sessiond/sessiond/clients/go/sessiond/sessiondhttp"
)

func main() {
	target := flag.String("sessiond", "127.0.0.1:50051", "where sessiond listens: host:port or unix:PATH")
	listen := flag.String("http", "127.0.0.1:8000", "where to serve HTTP")
	development := flag.Bool("development", false, "set cookies for http://localhost")
	flag.Parse()

	client, err := sessiond.New(*target)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	options := []sessiondhttp.BrowserOption{sessiondhttp.SplitCookies()}
	if *development {
		options = append(options, sessiondhttp.Development())
	}
	web := &http.Server{Addr: *listen, Handler: routes(client, options...), ReadHeaderTimeout: 5 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, web); err != nil {
		log.Fatal(err)
	}
}

// serve ends with the context, when what is under way is answered: it may have spent a refresh token.
func serve(ctx context.Context, web *http.Server) error {
	ended := make(chan error, 1)
	go func() { ended <- web.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return web.Shutdown(context.WithoutCancel(ctx))
	}
}

func routes(client *sessiond.Client, options ...sessiondhttp.BrowserOption) http.Handler {
	site := sessiondhttp.NewBrowser(client, options...)
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", site.Optional(nil)(http.HandlerFunc(welcome)))
	mux.Handle("/orders", site.Require(nil)(http.HandlerFunc(listOrders)))
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) { logOut(w, r, site) })
	login := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { logIn(w, r, client, site) })
	// A login brings no cookies, so that nothing else sees that another site has sent the form.
	mux.Handle("POST /login", http.NewCrossOriginProtection().Handler(login))
	return mux
}

// logIn believes everybody. Where a provider knows who it is, its callback calls CreateSessionFromCode.
func logIn(w http.ResponseWriter, r *http.Request, client *sessiond.Client, site *sessiondhttp.Browser) {
	login := sessiond.LocalLogin{Login: sessiond.Login{Device: site.Device(r)}}
	tokens, err := client.CreateLocalSession(r.Context(), r.FormValue("name"), login)
	if err == nil {
		err = site.Start(w, r, tokens)
	}
	if err != nil {
		log.Print(err)
		http.Error(w, "nobody can log in now", http.StatusServiceUnavailable)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func logOut(w http.ResponseWriter, r *http.Request, site *sessiondhttp.Browser) {
	switch err := site.Logout(w, r); {
	case errors.Is(err, sessiondhttp.ErrCrossSite):
		http.Error(w, "another site wants you to log out", http.StatusForbidden)
	case err != nil:
		log.Print(err)
		http.Error(w, "you are still logged in: try again", http.StatusServiceUnavailable)
	default:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	session, _ := sessiond.FromContext(r.Context())
	fmt.Fprintln(w, "orders of", session.Subject)
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<title>Shop</title>
{{with .}}<h1>Hello, {{.Subject}}</h1>
<form method="post" action="/logout"><button>Log out</button></form>
{{else}}<h1>Welcome</h1>
<form method="post" action="/login"><input name="name" required> <button>Log in</button></form>
{{end}}`))

func welcome(w http.ResponseWriter, r *http.Request) {
	session, _ := sessiond.FromContext(r.Context())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, session); err != nil {
		log.Print(err)
	}
}
