package shop

import (
	"fmt"
)

// OrderStatus is the enum order_status.
type OrderStatus string

// The labels of OrderStatus.
const (
	OrderStatusPlaced OrderStatus = "placed"
	OrderStatusPaid   OrderStatus = "paid"
)

// Scan implements sql.Scanner.
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

// AllOrderStatusValues returns the labels in order.
func AllOrderStatusValues() []OrderStatus {
	return []OrderStatus{
		OrderStatusPlaced,
		OrderStatusPaid,
	}
}
