package phone_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"nyota/gateway/phone"
	"nyota/gateway/simulator"
)

func ExampleNew() {
	smsc := simulator.NewSMSC(simulator.SMSCConfig{})
	p, err := phone.New(phone.Options{
		SMSC: smsc,
		Core: phone.HTTPCore("http://127.0.0.1:8090"),
		Code: "*150*00#",
		PIN:  "1234",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = p.Close(context.Background()) }()

	mux := http.NewServeMux()
	mux.Handle("/phone", p)
	mux.Handle("/phone/", p)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/phone?msisdn=255700000001", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 text/html; charset=utf-8
}
