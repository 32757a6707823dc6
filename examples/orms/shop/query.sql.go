package shop

import (
	"context"
)

const addOrder = `-- name: AddOrder :exec
INSERT INTO orders (day, total, status) VALUES ($1, $2, $3)
`

// AddOrderParams has the parameters of AddOrder.
type AddOrderParams struct {
	Day    string
	Total  int32
	Status OrderStatus
}

// AddOrder inserts an order.
func (q *Queries) AddOrder(ctx context.Context, arg AddOrderParams) error {
	_, err := q.db.ExecContext(ctx, addOrder, arg.Day, arg.Total, arg.Status)
	return err
}
