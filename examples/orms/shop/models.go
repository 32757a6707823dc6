package shop

import (
	"fmt"
)

type OrderStatus string

const (
	OrderStatusPlaced OrderStatus = "placed"
	OrderStatusPaid   OrderStatus = "paid"
)

func (e *OrderStatus) Scan(src interface{}) error {
	switch s := src.(type) {
	case []byte:
		*e = OrderStatus(s)
	case string:
		*e = OrderStatus(s)
	default:
		return fmt.Errorf("unsupported scan type for OrderStatus: %T", src)
	}
	return nil
}

func AllOrderStatusValues() []OrderStatus {
	return []OrderStatus{
		OrderStatusPlaced,
		OrderStatusPaid,
	}
}
